"""The fingerprint of a model: what makes two models the same, and how a difference is named."""

from typing import Any

import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from goldenpath.model import build_pipeline, decide, enrich, enriched
from goldenpath.records import Layout
from goldenpath.registry.fingerprint import differences, fingerprint, identity_of

LAYOUT = Layout(text=("ward",), number=("age",))
FUNCTIONS = (enrich, enriched, decide)


def taken(pipeline: Any = None, functions: Any = FUNCTIONS, contract: str = "c") -> dict[str, str]:
    pipelines = {"linear": build_pipeline(LAYOUT) if pipeline is None else pipeline}
    return fingerprint(contract, pipelines, functions)


def two_steps(estimator: Any) -> Pipeline:
    return Pipeline([("scale", StandardScaler()), ("estimator", estimator)])


def test_equal_models_have_equal_fingerprints() -> None:
    assert taken() == taken()
    assert differences(taken(), taken()) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"estimator__C": 0.5}, "linear.estimator.C: 1.0 -> 0.5"),
        ({"estimator__C": 0.5}, {}, "linear.estimator.C: 0.5 -> 1.0"),
        (
            {},
            {"preprocessing__number__simpleimputer__strategy": "mean", "estimator__max_iter": 7},
            "linear.estimator.max_iter: 1000 -> 7; "
            "linear.preprocessing.number.simpleimputer.strategy: median -> mean",
        ),
        (
            {},
            {f"estimator__{name}": 7 for name in ("C", "max_iter", "tol", "verbose", "intercept_scaling")},
            "linear.estimator.C: 1.0 -> 7; linear.estimator.intercept_scaling: 1 -> 7; "
            "linear.estimator.max_iter: 1000 -> 7; 2 more",
        ),
    ],
)
def test_a_changed_parameter_is_named_with_both_values(old: dict, new: dict, said: str) -> None:
    before, after = (build_pipeline(LAYOUT).set_params(**changes) for changes in (old, new))
    assert differences(taken(before), taken(after)) == said


def test_another_estimator_is_named_without_what_follows_from_it() -> None:
    before, after = two_steps(LogisticRegression()), two_steps(RandomForestClassifier())
    found = differences(taken(before), taken(after))
    assert found == "linear.estimator: LogisticRegression -> RandomForestClassifier"


def test_a_step_more_is_named() -> None:
    more = Pipeline([("log", FunctionTransformer(abs)), *two_steps(LogisticRegression()).steps])
    assert differences(taken(two_steps(LogisticRegression())), taken(more)) == (
        "linear.log: nothing -> FunctionTransformer; "
        "linear.steps: [scale, estimator] -> [log, scale, estimator]"
    )


def test_other_columns_are_named_shortly() -> None:
    wide = Layout(text=tuple(f"a column with a long name {number}" for number in range(9)), number=("age",))
    found = differences(taken(), taken(build_pipeline(wide)))
    assert found.startswith(
        "linear.preprocessing.transformers: [text [ward], number [age]] -> [text [a column"
    )
    assert found.endswith("...")


def test_another_candidate_is_named_without_its_parameters() -> None:
    pipelines = {"linear": two_steps(LogisticRegression())}
    more = pipelines | {"forest": two_steps(RandomForestClassifier())}
    found = differences(fingerprint("c", pipelines, FUNCTIONS), fingerprint("c", more, FUNCTIONS))
    assert found == "forest: nothing -> Pipeline"


def with_limit(columns: Any) -> Any:
    return {"elderly": columns["age"] >= 65}


with_limit.__name__ = "enrich"


def test_a_change_of_enrich_is_named_as_such() -> None:
    changed = taken(functions=(with_limit, enriched, decide))
    assert differences(taken(), changed) == "enrich() changed"


def test_an_older_fingerprint_says_less_and_its_model_is_still_the_same() -> None:
    old = identity_of(taken())
    assert identity_of(old) == identity_of(taken())
    changed = taken(build_pipeline(LAYOUT).set_params(estimator__C=0.5), (with_limit, enriched, decide), "d")
    assert differences(old, changed) == (
        "the contract changed; the pipeline changed; enrich() or enriched() or decide() changed"
    )
