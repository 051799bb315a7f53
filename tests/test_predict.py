"""One version, loaded: it answers alike on both paths, and not at all where it cannot be believed."""

import json
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pytest

import goldenpath.model as model
import goldenpath.predict as predict
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput, NoModel, NotTrusted
from goldenpath.inference.answers import ClassAnswer, QuantityAnswer, agree
from goldenpath.inference.engines import OnnxEngine, SklearnEngine, compile_onnx, frame_of, layout_of
from goldenpath.predict import Answer, Predictor, load_predictor, open_predictor
from goldenpath.records import Columns, Layout
from goldenpath.registry.artifact import write_manifest
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Broken, Classes, Contract, Quantity, Record, columns_of_json
from goldenpath.schema.golden import Golden, pool
from goldenpath.schema.targets import AnyTarget
from tests.helpers.serving_fixtures import MODEL, make_candidate, outcomes, promote, publish, records


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a complete candidate with a compiled model."
    folder = tmp_path_factory.mktemp("candidate") / "one"
    make_candidate(folder, seed=1, compiled=True)
    return folder


def copy_of(candidate: Path, tmp_path: Path) -> Path:
    "Return a candidate to spoil."
    folder = tmp_path / "spoiled"
    folder.mkdir()
    for file in candidate.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def sealed_again(folder: Path, **changes: object) -> Path:
    "Write the manifest anew, as somebody with access to the candidate could."
    old = Manifest.model_validate_json((folder / "manifest.json").read_text())
    write_manifest(folder, old.model_copy(update=changes))
    return folder


def test_both_paths_give_the_same_answers_one_by_one_and_together(candidate: Path):
    fast, slow = load_predictor(candidate), load_predictor(candidate, fast=False)
    assert (fast.path, slow.path) == ("onnx", "sklearn")
    assert slow.why == "not asked for"
    rows = records(300, seed=9)
    columns = columns_of_json(CONTRACT.spec, rows)
    assert fast.scores(columns) == pytest.approx(slow.scores(columns), abs=1e-5)
    for row, together in zip(rows, fast.many(columns).itertuples(), strict=True):
        answer = fast.one(CONTRACT.parse(json.dumps(row)))
        assert answer.probability == pytest.approx(together.probability, abs=1e-6)
        assert answer.label == together.label
        assert answer.version == fast.version


def test_a_version_without_a_compiled_model_is_answered_by_scikit_learn_with_the_reason(tmp_path: Path):
    make_candidate(tmp_path / "plain", seed=2, compiled=False)
    predictor = load_predictor(tmp_path / "plain")
    assert predictor.path == "sklearn"
    assert predictor.why == "no fast path: not compiled in this test"


def test_a_compiled_model_that_answers_differently_is_refused_and_scikit_learn_answers(
    candidate: Path, tmp_path: Path
):
    folder = copy_of(candidate, tmp_path)
    rows = records(500, seed=3)
    columns = columns_of_json(CONTRACT.spec, rows)
    layout = layout_of(columns)
    other = model.build_pipeline(layout).fit(frame_of(columns, layout), ~outcomes(rows, seed=3))
    (folder / "model.onnx").write_bytes(compile_onnx(other, layout))
    predictor = load_predictor(sealed_again(folder))
    assert predictor.path == "sklearn"
    assert predictor.why.startswith(
        "fast path refused on the golden rows: answers differ from scikit-learn's"
    )


def test_a_fast_path_that_is_right_only_for_many_at_once_is_refused_too(
    candidate: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(OnnxEngine, "one", lambda self, text, number: 0.5)
    assert load_predictor(candidate).why.startswith("fast path refused on the golden rows: ")


def test_a_pipeline_that_answers_differently_is_not_trusted(candidate: Path, tmp_path: Path):
    folder = copy_of(candidate, tmp_path)
    golden = Golden.model_validate_json((folder / "golden.json").read_text())
    other = [1 - probability for probability in golden.probability]
    (folder / "golden.json").write_text(golden.model_copy(update={"probability": other}).model_dump_json())
    with pytest.raises(NotTrusted, match=r"answers differently here: .* train again"):
        load_predictor(sealed_again(folder))


def test_a_foreign_major_version_is_not_spoken(candidate: Path, tmp_path: Path):
    folder = sealed_again(copy_of(candidate, tmp_path), model_version="2.0.0")
    with pytest.raises(NotTrusted, match="is of major version 2, this code speaks 1: deploy the code"):
        load_predictor(folder)


def test_a_version_with_another_contract_is_refused_with_the_difference(candidate: Path, tmp_path: Path):
    folder = copy_of(candidate, tmp_path)
    target = CONTRACT.target.model_copy(update={"positive": "Died"})
    spec = CONTRACT.spec.model_copy(update={"target": target})
    spec = type(spec).model_validate(spec.model_dump())
    (folder / "contract.json").write_text(spec.model_dump_json())
    with pytest.raises(NotTrusted, match=r"has another contract: .*positive"):
        load_predictor(sealed_again(folder, contract_hash=spec.hash))


def test_nothing_published_says_what_to_do(home: Path):
    with pytest.raises(NoModel, match="no version of covid-death is champion"):
        open_predictor(Registry(home, MODEL))


def test_a_role_and_a_version_open_the_same_and_a_withdrawn_one_nobody_opens(home: Path):
    version = publish(home)
    promote(home, version)
    registry = Registry(home, MODEL)
    assert open_predictor(registry).version == open_predictor(registry, version).version == version
    registry.withdraw(version, why="a test", who="ada@example.org")
    with pytest.raises(BadInput, match="was withdrawn"):
        open_predictor(registry, version)


def test_three_lines_open_the_projects_champion_and_answer_a_record(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    from goldenpath import open_predictor as front_door

    version = publish(home)
    promote(home, version)
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    predictor = front_door()
    record = pool(CONTRACT.spec, 1).records[0]
    assert predictor.predict(record) == predictor.one(CONTRACT.parse(json.dumps(record)))
    assert predictor.version == version
    with pytest.raises(Broken, match="a field that the contract does not know"):
        predictor.predict(record | {"no such field": 1})


def test_added_columns_reach_the_model_on_every_path(monkeypatch: pytest.MonkeyPatch):
    def with_length(columns):
        return {"letters": np.array([float(len(text)) for text in columns[CONTRACT.text_columns[0]]])}

    monkeypatch.setattr(model, "enrich", with_length)
    rows = records(400, seed=4)
    plain = columns_of_json(CONTRACT.spec, rows)
    columns = model.enriched(plain)
    layout = layout_of(columns)
    assert "letters" in layout.number
    pipeline = model.build_pipeline(layout).fit(frame_of(columns, layout), outcomes(rows, seed=4))
    engines = [OnnxEngine(compile_onnx(pipeline, layout), layout), SklearnEngine(pipeline, layout)]
    fast, slow = (predict.Predictor(engine, CONTRACT, 0.4, "v") for engine in engines)
    assert fast.scores(plain) == pytest.approx(slow.scores(plain), abs=1e-5)
    one = CONTRACT.parse(json.dumps(rows[0]))
    assert fast.one(one).probability == pytest.approx(slow.one(one).probability, abs=1e-5)


def test_enrich_may_not_replace_a_column(monkeypatch: pytest.MonkeyPatch):
    name = CONTRACT.text_columns[0]
    monkeypatch.setattr(model, "enrich", lambda columns: {name: columns[name]})
    with pytest.raises(BadInput, match=f"enrich\\(\\) returns \\['{name}'\\].*new columns need new names"):
        model.enriched(columns_of_json(CONTRACT.spec, records(3, seed=5)))


def test_the_fast_path_is_many_times_faster_for_one_record(candidate: Path):
    fast, slow = load_predictor(candidate), load_predictor(candidate, fast=False)
    parsed = [CONTRACT.parse(json.dumps(row)) for row in records(200, seed=6)]

    def one_by_one(predictor: predict.Predictor, repeats: int) -> float:
        seconds = []
        for at in range(repeats):
            started = perf_counter()
            predictor.one(parsed[at % len(parsed)])
            seconds.append(perf_counter() - started)
        return median(seconds)

    one_by_one(fast, 200)
    assert one_by_one(slow, 60) / one_by_one(fast, 2000) > 20  # 200 and more on an idle machine


class Wine(Record):
    "A record of one number."

    strength: float


KIND = Contract(Wine, Classes("kind", levels=("red", "white", "rosé")))
PRICE = Contract(Wine, Quantity("price", unit="euros"))


class Fixed:
    "An engine that answers the same to every record."

    name, layout = "sklearn", Layout(text=(), number=("strength",))

    def __init__(self, target: AnyTarget, score: Any) -> None:
        self.target, self._score = target, score

    def one(self, text: Any, number: Any) -> Any:
        return self._score

    def many(self, columns: Columns) -> np.ndarray:
        return np.array([self._score] * len(columns["strength"]))


def test_several_classes_are_answered_with_a_label_and_all_probabilities() -> None:
    predictor = Predictor(Fixed(KIND.target, np.array([0.2, 0.7, 0.1])), KIND, None, "v")
    answer = predictor.predict({"strength": 12.5})
    assert answer == ("white", {"red": 0.2, "white": 0.7, "rosé": 0.1}, "v")
    assert json.dumps(answer._asdict())
    frame = predictor.many({"strength": np.array([12.5, 13.0])})
    assert list(frame) == ["label", "probability_red", "probability_white", "probability_rosé"]
    assert frame.iloc[1].tolist() == ["white", 0.2, 0.7, 0.1]


@pytest.mark.parametrize(("half_width", "interval"), [(None, (None, None)), (2.5, (7.5, 12.5))])
def test_an_amount_is_answered_with_its_interval(half_width: float | None, interval: Any) -> None:
    manifest = Manifest.model_construct(half_width=half_width)
    predictor = Predictor(Fixed(PRICE.target, 10.0), PRICE, None, "v", manifest=manifest)
    answer = predictor.predict({"strength": 12.5})
    assert answer == (10.0, *interval, "v")
    named = dict(zip(("value", "low", "high"), (10.0, *interval), strict=True))
    frame = predictor.many({"strength": np.array([12.5])})
    assert list(frame) == list(named)
    assert frame.notna().iloc[0].tolist() == [value is not None for value in named.values()]
    assert PRICE.target.rows(predictor.answers(np.array([10.0]))) == [named]


def test_a_shadow_agrees_by_label_or_within_the_interval() -> None:
    assert agree(Answer("yes", 0.9, "a"), Answer("yes", 0.6, "b"))
    assert not agree(ClassAnswer("red", {}, "a"), ClassAnswer("white", {}, "b"))
    amount = QuantityAnswer(10.0, 7.5, 12.5, "a")
    near, far = QuantityAnswer(12.0, None, None, "b"), QuantityAnswer(13.0, None, None, "b")
    pairs = {"near": (amount, near), "far": (amount, far), "no interval": (near, far), "same": (far, far)}
    assert {name: agree(*pair) for name, pair in pairs.items()} == {
        "near": True,
        "far": False,
        "no interval": False,
        "same": True,
    }
