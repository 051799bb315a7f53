"""A few golden records explained for a report: chosen by their scores, and answered as a caller would be."""

import json
from pathlib import Path

import numpy as np
import pytest

from goldenpath.inference.explained_records import MOST_BARS, bars_of_fields, chosen_records, explain_golden
from goldenpath.predict import Predictor, load_predictor, open_predictor
from goldenpath.registry.artifact import read_record
from goldenpath.registry.registry import Registry
from goldenpath.schema.golden import Golden
from goldenpath.schema.targets import TWO_OUTCOMES
from tests.helpers.calibrations import BINARY, calibrated_copy
from tests.helpers.serving_fixtures import MODEL, publish
from tests.helpers.task_versions import TASKS, publish_task, task_predictor


def golden_of(home: Path, version: str) -> Golden:
    registry = Registry(home, MODEL)
    return read_record(registry.folder(version), registry.manifest(version), "golden.json", Golden)


def two_outcomes(home: Path) -> tuple[Predictor, Golden]:
    version = publish(home, 1)
    return open_predictor(Registry(home, MODEL), version), golden_of(home, version)


def test_the_highest_the_lowest_and_the_nearest_to_the_threshold_are_explained(tmp_path: Path) -> None:
    predictor, golden = two_outcomes(tmp_path)
    high, near, low = explain_golden(predictor, golden)
    titles = ["Highest probability", "Nearest to the threshold", "Lowest probability"]
    assert [one.title for one in (high, near, low)] == titles
    scores, margin = golden.scores, np.abs(golden.scores - predictor.threshold)
    for one, score in ((high, scores.max()), (low, scores.min()), (near, scores[margin.argmin()])):
        assert golden.scores[golden.records.index(one.record)] == score
        record = predictor.contract.parse(json.dumps(one.record))
        assert one.explanation == predictor.explain(record, predictor.one(record))
        assert one.explanation.method == "contributions"
        assert one.answer.endswith(f"probability of {predictor.target.positive} {score:.3g}")
        assert [bar.name for bar in one.bars] == sorted(
            one.explanation.fields, key=lambda name: -abs(one.explanation.fields[name])
        )


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("trees", [False, True], ids=["linear", "trees"])
def test_other_tasks_and_models_are_explained_by_their_own_method(
    task: str, trees: bool, tmp_path: Path
) -> None:
    version = publish_task(tmp_path, task, trees=trees)
    predictor, golden = task_predictor(tmp_path, task, version), golden_of(tmp_path, version)
    explained = explain_golden(predictor, golden)
    assert len(explained) >= 2
    assert {one.explanation.method for one in explained} == {"ablation" if trees else "contributions"}
    assert all(one.record in golden.records for one in explained)
    answer = predictor.predict(explained[0].record)
    shown = answer.label if task == "classes" else f"{answer.value:.4g} {predictor.target.unit} ("
    assert explained[0].answer.startswith(shown)


def test_records_are_chosen_by_calibrated_probabilities(tmp_path: Path) -> None:
    registry = Registry(tmp_path, MODEL)
    raw = registry.folder(publish(tmp_path, 1))
    folder = calibrated_copy(raw, tmp_path / "calibrated", BINARY)
    predictor, golden = (
        load_predictor(folder),
        Golden.model_validate_json((folder / "golden.json").read_text()),
    )
    nearest = next(
        one for one in explain_golden(predictor, golden) if one.title == "Nearest to the threshold"
    )
    distance = [abs(predictor.predict(record).probability - predictor.threshold) for record in golden.records]
    assert golden.records.index(nearest.record) == int(np.argmin(distance))
    assert int(np.argmin(distance)) != int(np.abs(golden.scores - predictor.threshold).argmin())


def test_a_version_of_an_older_release_is_not_explained(tmp_path: Path) -> None:
    predictor, golden = two_outcomes(tmp_path)
    predictor.explainer = None
    assert explain_golden(predictor, golden) == ()


def test_a_record_is_explained_once() -> None:
    assert chosen_records(np.array([0.9, 0.3]), TWO_OUTCOMES, 0.4) == {
        "Highest probability": 0,
        "Nearest to the threshold": 1,
    }


def test_bars_reach_from_the_middle_to_the_side_of_their_sign() -> None:
    bars = bars_of_fields({"a": 1.0, "b": -2.0, "c": 0.0})
    assert [tuple(bar) for bar in bars] == [
        ("b", -2.0, 0.0, 50.0),
        ("a", 1.0, 50.0, 25.0),
        ("c", 0.0, 50.0, 0.0),
    ]
    assert MOST_BARS >= 10
