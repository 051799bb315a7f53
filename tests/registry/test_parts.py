"""What a pipeline is made of, before it is asked: parts that would crash, hang, or read files."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from goldenpath.errors import NotTrusted
from goldenpath.registry.artifact import pipeline_from
from goldenpath.registry.parts import check_parts

Spoil = Callable[[Any], None]

PATH = Path("model.skops")
ROWS = np.random.default_rng(0).normal(size=(120, 3))
CODES = np.column_stack([np.arange(120) % 5, ROWS])  # the first column is a category
OUTCOME = ROWS[:, 0] > 0
THIRDS = np.arange(120) % 3
FOREST = RandomForestClassifier(2, random_state=0)
BOOSTING = GradientBoostingClassifier(n_estimators=2, random_state=0)
HISTOGRAM = HistGradientBoostingClassifier(max_iter=2, random_state=0)
CATEGORIES = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0], random_state=0)

SOUND = {
    "tree": (DecisionTreeClassifier(), ROWS, OUTCOME),
    "forest": (FOREST, ROWS, OUTCOME),
    "isolation": (IsolationForest(n_estimators=2), ROWS, OUTCOME),
    "bagging": (BaggingClassifier(n_estimators=2, max_features=0.5), ROWS, OUTCOME),
    "adaboost": (AdaBoostClassifier(n_estimators=2), ROWS, OUTCOME),
    "boosting": (BOOSTING, ROWS, OUTCOME),
    "boosting of three classes": (BOOSTING, ROWS, THIRDS),
    "boosting from zero": (clone(BOOSTING).set_params(init="zero"), ROWS, THIRDS),
    "boosting of a quantity": (GradientBoostingRegressor(n_estimators=2), ROWS, ROWS[:, 0]),
    "histogram": (HISTOGRAM, ROWS, OUTCOME),
    "histogram of three classes": (HISTOGRAM, ROWS, THIRDS),
    "categories": (CATEGORIES, CODES, OUTCOME),
    "stack": (StackingClassifier([("a", FOREST), ("b", HISTOGRAM)], BOOSTING, cv=2), ROWS, OUTCOME),
    "support vectors": (SVC(), ROWS, THIRDS),
    "support vectors of sparse rows": (SVC(), csr_matrix(ROWS), THIRDS),
    "support vectors of a quantity": (SVR(), ROWS, ROWS[:, 0]),
    "support vectors of one class": (OneClassSVM(), ROWS, OUTCOME),
    "sparse coefficients": (LogisticRegression(), ROWS, OUTCOME),
    "words": (TfidfVectorizer(), ["some words", "other words"], None),
}


@cache
def fitted(name: str) -> bytes:
    "Return a sound estimator, inside a pipeline, as skops writes it."
    estimator, rows, outcome = SOUND[name]
    fitted = clone(estimator).fit(rows, outcome)
    return skops.io.dumps(make_pipeline(fitted.sparsify() if name == "sparse coefficients" else fitted))


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_estimator_is_loaded(name: str) -> None:
    named = tuple(skops.io.get_untrusted_types(data=fitted(name)))  # as a project's own code may
    assert pipeline_from(fitted(name), PATH, named)


def estimator_of(name: str) -> Any:
    "Return a sound estimator, to be spoilt."
    return skops.io.loads(fitted(name), trusted=skops.io.get_untrusted_types(data=fitted(name)))[-1]


def tree_of(estimator: Any) -> Any:
    "Return the first tree of an estimator."
    members = getattr(estimator, "estimators_", None)
    return (estimator if members is None else np.ravel(members)[0]).tree_


def root(field: str, value: int) -> Spoil:
    "Write into the root of an estimator's first tree."

    def spoil(estimator: Any) -> None:
        state = tree_of(estimator).__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][field][0] = value
        tree_of(estimator).__setstate__(state)

    return spoil


def claim_nodes(estimator: Any) -> None:
    tree_of(estimator).__setstate__({**tree_of(estimator).__getstate__(), "node_count": 10**6})


def histogram_root(field: str, value: int) -> Spoil:
    "Write into the root of the first tree of a HistGradientBoosting model."

    def spoil(estimator: Any) -> None:
        estimator._predictors[0][0].nodes[field][0] = value

    return spoil


def far_set(estimator: Any) -> None:
    "Let every categorical split ask for a set that is not there."
    nodes = estimator._predictors[0][0].nodes
    nodes["bitset_idx"][nodes["is_categorical"] == 1] = 10**6


def narrow_sets(estimator: Any) -> None:
    predictor = estimator._predictors[0][0]
    predictor.raw_left_cat_bitsets = np.ascontiguousarray(predictor.raw_left_cat_bitsets[:, :1])


def forget_categories(estimator: Any) -> None:
    estimator._bin_mapper.is_categorical_ = np.zeros(1, dtype=bool)


def no_longer_checked(estimator: Any) -> None:
    del estimator.n_features_in_


def narrow(estimator: Any) -> None:
    "Return a tree for more columns than the estimator lets in."
    estimator.n_features_in_ = 1


def narrow_second(estimator: Any) -> None:
    for member in np.ravel(estimator.estimators_)[1:]:
        member.n_features_in_ = 2
        wider = type(member.tree_)(2, np.array([1]), 1)
        wider.__setstate__(member.tree_.__getstate__())
        member.tree_ = wider
        change_second(member.tree_)


def change_second(tree: Any) -> None:
    "Let a tree ask for the first columns only, so that nothing but its number of columns is strange."
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"]["feature"] = np.minimum(state["nodes"]["feature"], 1)
    tree.__setstate__(state)


def one_column_for_three(estimator: Any) -> None:
    estimator.init_.class_prior_ = estimator.init_.class_prior_[:1]


def one_column_from_zero(estimator: Any) -> None:
    estimator.n_trees_per_iteration_ = 1


def start_elsewhere(estimator: Any) -> None:
    estimator.init_ = LogisticRegression().fit(ROWS, OUTCOME)


def start_with_another_strategy(estimator: Any) -> None:
    estimator.init_ = DummyClassifier(strategy="stratified").fit(ROWS, OUTCOME)


def still_in_fit(estimator: Any) -> None:
    estimator._in_fit = True


def other_preprocessor(estimator: Any) -> None:
    estimator._preprocessor = make_pipeline("passthrough")


def many_vectors(estimator: Any) -> None:
    estimator.support_ = np.arange(10**6, dtype=np.int32)


def few_coefficients(estimator: Any) -> None:
    estimator._dual_coef_ = np.zeros((1, 1))


def negative_counts(estimator: Any) -> None:
    counts = estimator._n_support
    counts[0], counts[1] = -1, counts[0] + counts[1] + 1


def kernel_of_places(estimator: Any) -> None:
    "Such a kernel takes the numbers of the support vectors for places in a row."
    estimator.kernel = "precomputed"


def probabilities_of_more_classes(estimator: Any) -> None:
    estimator._probA = np.zeros(5)


def index_out_of_bounds(estimator: Any) -> None:
    estimator.coef_.indices[0] = 10**6


def format_without_a_check(estimator: Any) -> None:
    estimator.coef_ = coo_matrix(estimator.coef_)


CHILD = r"a tree whose node 0 of \d+ has the child {}"
ATTACKS: dict[str, tuple[str, Spoil, str]] = {
    "child out of bounds": ("forest", root("left_child", 10**6), CHILD.format(10**6)),
    "right child out of bounds": ("tree", root("right_child", 99), CHILD.format(99)),
    "child of itself": ("forest", root("left_child", 0), CHILD.format(0)),
    "negative child": ("boosting", root("right_child", -7), CHILD.format(-7)),
    "feature out of bounds": ("tree", root("feature", 10**6), "asks for feature 1000000 of 3"),
    "negative feature": ("boosting", root("feature", -3), "asks for feature -3 of 3"),
    "nodes that are not there": ("forest", claim_nodes, "claims 1000000 nodes and has"),
    "tree without a check": ("tree", no_longer_checked, "a tree of 3 features in an estimator of 0"),
    "tree of more columns": ("tree", narrow, "a tree of 3 features in an estimator of 1"),
    "trees of other columns": ("boosting", narrow_second, "whose trees take different features"),
    "three trees for one column": (
        "boosting of three classes",
        one_column_for_three,
        "of 3 trees for each of 1",
    ),
    "trees for one column, from zero": (
        "boosting from zero",
        one_column_from_zero,
        "of 3 trees for each of 1",
    ),
    "start of its own": ("boosting", start_elsewhere, "begins with LogisticRegression"),
    "other start": ("boosting", start_with_another_strategy, "begins with DummyClassifier"),
    "histogram: child out of bounds": ("histogram", histogram_root("left", 10**6), CHILD.format(10**6)),
    "histogram: child of itself": ("histogram", histogram_root("right", 0), CHILD.format(0)),
    "histogram: feature": ("histogram", histogram_root("feature_idx", 10**6), "feature 1000000 of 3"),
    "histogram: negative feature": ("histogram", histogram_root("feature_idx", -1), "feature -1 of 3"),
    "histogram: category of a number": (
        "histogram",
        histogram_root("is_categorical", 1),
        "whose sets of categories have the shape|asks for a set of categories",
    ),
    "histogram: set out of bounds": ("categories", far_set, "asks for a set of categories"),
    "histogram: narrow sets": (
        "categories",
        narrow_sets,
        r"whose sets of categories have the shape \(\d+, 1\)",
    ),
    "histogram: categories forgotten": ("categories", forget_categories, "asks for a set of categories"),
    "histogram: without a check": ("histogram", no_longer_checked, "does not check how many features"),
    "histogram: all checks left out": ("histogram", still_in_fit, "does not check how many features"),
    "histogram: preprocessor": ("histogram", other_preprocessor, "does not check how many features"),
    "too many support vectors": ("support vectors", many_vectors, "whose arrays do not fit each other"),
    "too few coefficients": ("support vectors", few_coefficients, "whose arrays do not fit each other"),
    "negative counts": ("support vectors", negative_counts, "whose arrays do not fit each other"),
    "kernel of places": ("support vectors", kernel_of_places, "whose arrays do not fit each other"),
    "more probabilities": (
        "support vectors",
        probabilities_of_more_classes,
        "whose arrays do not fit each other",
    ),
    "index of a matrix": ("sparse coefficients", index_out_of_bounds, "a sparse matrix whose "),
    "format of a matrix": ("sparse coefficients", format_without_a_check, "of the format coo"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_estimator_that_would_crash_or_hang_is_refused(attack: str) -> None:
    name, spoil, why = ATTACKS[attack]
    estimator = estimator_of(name)
    spoil(estimator)
    with pytest.raises(NotTrusted, match=f"^model.skops holds .*{why}.*; train it again$"):
        check_parts(make_pipeline("passthrough", estimator), PATH)


@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
@pytest.mark.parametrize("source", ["filename", "file"])
def test_a_vectorizer_that_reads_files_is_refused(kind: type, source: str) -> None:
    content = skops.io.dumps(make_pipeline(kind(input=source), LogisticRegression()))
    with pytest.raises(NotTrusted, match=f"a {kind.__name__} with input='{source}', which reads files"):
        pipeline_from(content, PATH)


def test_a_matrix_by_columns_is_sound() -> None:
    check_parts(csc_matrix(ROWS), PATH)


def test_a_tree_that_no_estimator_guards_is_refused() -> None:
    tree = estimator_of("tree").tree_
    for pipeline in (tree, [tree], {"a": (tree,)}, np.array([tree], dtype=object)):
        with pytest.raises(NotTrusted, match=r"a tree in .*, which is not a tree estimator"):
            check_parts(pipeline, PATH)


def test_what_was_checked_cannot_be_written_to_afterwards() -> None:
    boosting = pipeline_from(fitted("histogram"), PATH)[-1]
    predictor = boosting._predictors[0][0]
    for array in (predictor.nodes, predictor.raw_left_cat_bitsets, boosting._bin_mapper.is_categorical_):
        assert not array.flags.writeable
    assert boosting.predict_proba(ROWS).shape == (120, 2)


def test_parts_that_hold_each_other_are_looked_at_once() -> None:
    first: list[Any] = []
    first.append([first])
    check_parts(first, PATH)
