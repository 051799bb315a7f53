"""What each field contributed: exact and summing for linear models, an ablation that says so for others."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from goldenpath.inference.answers import ClassAnswer
from goldenpath.inference.engines import SklearnEngine, frame_of, layout_of
from goldenpath.inference.explanation import (
    Explainer,
    explain_by_ablation,
    explain_parts,
    field_of,
    learn_explainer,
    raw_scores,
    typical,
)
from goldenpath.model import CANDIDATES, NEEDS
from goldenpath.records import Columns
from goldenpath.schema.targets import TWO_OUTCOMES, AnyTarget, ClassesSpec, QuantitySpec

AMOUNT = QuantitySpec(column="y", unit="units")
FIELDS = ("town", "words", "age", "size")


def classes(count: int) -> ClassesSpec:
    return ClassesSpec(column="y", levels=tuple(f"class {at}" for at in range(count)))


TARGETS = [TWO_OUTCOMES, classes(2), classes(4), AMOUNT]


def table(n: int, seed: int) -> Columns:
    "Draw levels, text with rare words, and numbers with gaps and of all sizes."
    rng = np.random.default_rng(seed)
    size = rng.normal(1e5, 3e4, n)
    size[rng.random(n) < 0.1] = np.nan
    return {
        "town": np.array([f"town {at}" for at in range(5)], dtype=object)[rng.integers(0, 5, n)],
        "words": np.array([f"word {at}" for at in rng.geometric(0.1, n)], dtype=object),
        "age": rng.normal(50, 20, n),
        "size": size,
    }


def outcome_of(target: AnyTarget, columns: Columns) -> np.ndarray:
    score = (
        columns["age"] / 20
        + 2.0 * (columns["town"] == "town 1")
        + np.random.default_rng(0).normal(size=len(columns["age"]))
    )
    if target.task == "quantity":
        return score * 100
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, target.columns + 1))[1:-1])


def pipeline_of(estimator: Any, *more: Any) -> Pipeline:
    rare = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=8)
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), *more)
    parts = [
        ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
        ("words", rare, ["words"]),
        ("number", scaled, ["age", "size"]),
    ]
    return Pipeline([("columns", ColumnTransformer(parts, sparse_threshold=0)), ("estimator", estimator)])


def linear(target: AnyTarget) -> Any:
    return Ridge() if target.task == "quantity" else LogisticRegression(max_iter=1000)


def learned(target: AnyTarget, pipeline: Pipeline, weight: Any = None) -> tuple[Explainer, Columns]:
    columns = table(600, 3)
    layout = layout_of(columns)
    pipeline.fit(frame_of(columns, layout), outcome_of(target, columns))
    explainer = learn_explainer(pipeline, layout, target, columns, columns, weight)
    return Explainer.model_validate_json(explainer.model_dump_json()), columns


def answer_at(target: AnyTarget, place: int) -> Any:
    return ClassAnswer(target.outcomes[place], {}, "v") if target.task == "classes" else None


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.task} {target.width}")
def test_contributions_and_base_sum_to_the_raw_score(target: AnyTarget) -> None:
    pipeline = pipeline_of(linear(target))
    explainer, columns = learned(target, pipeline)
    assert explainer.parts
    asked = table(200, 4)
    asked["town"][::7], asked["words"][::5] = "elsewhere", ""
    asked["age"][::11], asked["size"][::13] = -400.0, 3e6
    layout = layout_of(columns)
    raw = raw_scores(pipeline, layout, target)
    assert raw
    expected = raw(asked)
    for row in range(200):
        one = {name: values[row : row + 1] for name, values in asked.items()}
        for place in range(target.width):
            explanation = explain_parts(explainer.parts, one, FIELDS, target, answer_at(target, place))
            total = (explanation.base or 0) + sum(explanation.fields.values())
            assert total == pytest.approx(expected[row, place], abs=1e-9)
            assert explanation.score == total
            assert tuple(explanation.fields) == FIELDS
    averages = raw(columns).mean(axis=0)
    assert explainer.parts.base == pytest.approx(averages.tolist(), abs=1e-9)


@pytest.mark.parametrize("target", [TWO_OUTCOMES, classes(4), AMOUNT], ids=lambda target: target.task)
def test_they_are_scikit_learns_coefficients_against_the_training_average(target: AnyTarget) -> None:
    pipeline = pipeline_of(linear(target))
    explainer, columns = learned(target, pipeline)
    assert explainer.parts
    layout = layout_of(columns)
    encode, estimator = pipeline[0], pipeline[-1]
    average = encode.transform(frame_of(columns, layout)).mean(axis=0)
    owner = [name.split("__")[1].split("_")[0] for name in encode.get_feature_names_out()]
    coefficients = np.atleast_2d(estimator.coef_)
    asked = table(20, 5)
    shifts = encode.transform(frame_of(asked, layout)) - average
    for row in range(20):
        one = {name: values[row : row + 1] for name, values in asked.items()}
        for place in range(target.width):
            fields = explain_parts(explainer.parts, one, FIELDS, target, answer_at(target, place)).fields
            for field in FIELDS:
                mine = [at for at, name in enumerate(owner) if name == field]
                assert fields[field] == pytest.approx(shifts[row, mine] @ coefficients[place, mine], abs=1e-9)


def test_a_row_counts_for_its_weight_in_the_average() -> None:
    pipeline, weight = pipeline_of(Ridge()), np.random.default_rng(1).integers(1, 9, 600).astype(float)
    explainer, columns = learned(AMOUNT, pipeline, weight)
    raw = raw_scores(pipeline, layout_of(columns), AMOUNT)
    assert explainer.parts
    assert raw
    assert explainer.parts.base[0] == pytest.approx(np.average(raw(columns)[:, 0], weights=weight), abs=1e-9)


@pytest.mark.parametrize(
    ("target", "pipeline"),
    [
        (AMOUNT, pipeline_of(HistGradientBoostingRegressor(max_iter=10))),
        (classes(3), pipeline_of(RandomForestClassifier(5, random_state=0))),
        (AMOUNT, pipeline_of(Ridge(), PolynomialFeatures(2))),
        (TWO_OUTCOMES, pipeline_of(LogisticRegression(max_iter=1000), PolynomialFeatures(2))),
    ],
    ids=["boosting", "forest", "products", "logit of products"],
)
def test_a_model_that_is_no_sum_of_its_columns_has_no_parts(target: AnyTarget, pipeline: Pipeline) -> None:
    assert learned(target, pipeline)[0].parts is None


TREES = [candidate for candidate in CANDIDATES["binary"] if candidate.__name__ != "linear"]


@pytest.mark.parametrize("target", [TWO_OUTCOMES, classes(3), AMOUNT], ids=lambda target: target.task)
@pytest.mark.parametrize("candidate", TREES, ids=lambda candidate: candidate.__name__)
def test_an_ablation_is_what_a_candidate_of_trees_answers_without_each_field(
    target: AnyTarget, candidate: Callable[[str, int], Any]
) -> None:
    if package := NEEDS.get(candidate.__name__):
        pytest.importorskip(package)
    estimator = candidate(target.task, 0)
    estimator.set_params(**{"max_iter" if "max_iter" in estimator.get_params() else "n_estimators": 10})
    pipeline = pipeline_of(estimator)
    explainer, columns = learned(target, pipeline)
    assert explainer.parts is None
    engine = SklearnEngine(pipeline, layout_of(columns), target)
    batches = []

    def ask(batch: Columns) -> Any:
        batches.append(len(batch["age"]))
        return engine.many(batch)

    one = {name: values[:1] for name, values in table(1, 9).items()}
    place = target.width - 1
    explanation = explain_by_ablation(explainer.reference, one, ask, target, answer_at(target, place))
    assert batches == [5]

    def alone(record: Columns) -> float:
        return float(engine.many(record).reshape(-1)[place])

    for name in FIELDS:
        value = np.array([explainer.reference[name]], dtype=one[name].dtype)
        assert explanation.fields[name] == pytest.approx(alone(one) - alone({**one, name: value}), abs=1e-12)
    assert explanation.score == alone(one)
    assert (explanation.method, explanation.base) == ("ablation", None)
    assert "these differences do not sum" in explanation.note


def test_the_typical_value_occurs_in_the_rows() -> None:
    assert typical(np.array(["b", "a", "b", ""], dtype=object)) == "b"
    assert typical(np.array(["", "", "a"], dtype=object)) is None
    assert typical(np.array([1.0, 4.0, np.nan, 2.0, 3.0])) == 2.0
    assert typical(np.array([np.nan, np.nan])) is None


def test_a_missing_reference_is_asked_for_as_missing() -> None:
    asked: list[Columns] = []

    def ask(batch: Columns) -> Any:
        asked.append(batch)
        return np.arange(3.0)

    columns = {"word": np.array(["x"], dtype=object), "number": np.array([1.0])}
    fields = explain_by_ablation({"word": None, "number": None}, columns, ask, AMOUNT, None).fields
    assert fields == {"word": -1.0, "number": -2.0}
    assert asked[0]["word"].tolist() == ["x", "", "x"]
    assert np.isnan(asked[0]["number"][2])


def test_columns_made_of_a_field_count_for_it() -> None:
    fields = ("born", "born in", "pulse")
    assert [field_of(name, fields) for name in ("born month", "born in month", "pulse", "bmi")] == [
        "born",
        "born in",
        "pulse",
        "bmi",
    ]


def test_what_is_stored_is_json_without_numbers_that_are_not_finite() -> None:
    explainer, _ = learned(AMOUNT, pipeline_of(Ridge()))
    stored = json.loads(explainer.model_dump_json(), parse_constant=pytest.fail)
    assert set(stored["reference"]) == set(FIELDS)
    assert explainer.parts
    assert len(explainer.parts.text["words"].levels) < 9  # rare words move an answer as any other does
