"""Fitted trees, looked at before they are asked: scikit-learn follows their node numbers without a check.

A child that lies outside of the array, or before its parent, ends the process that predicts, or never lets it
return. Every function here says what is wrong, in words that follow "holds"; "" where nothing is.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITSET = 8  # words of 32 bits, in which a set of at most 256 categories is kept


def tree_problem(tree: Any, holder: Any) -> str:
    "Find the problem of a `sklearn.tree._tree.Tree` in the estimator that holds it."
    from sklearn.tree import BaseDecisionTree

    if not isinstance(holder, BaseDecisionTree):  # the estimator checks what goes in, the tree does not
        return f"a tree in {type(holder).__name__}, which is not a tree estimator"
    if not 0 < tree.node_count <= tree.capacity:
        return f"a tree that claims {tree.node_count} nodes and has {tree.capacity}"
    if _width(holder) != tree.n_features:
        return f"a tree of {tree.n_features} features in an estimator of {_width(holder)}"
    inner = tree.children_left != -1
    children = (tree.children_left[inner], tree.children_right[inner])
    return _nodes_problem(inner, children, tree.feature[inner], tree.n_features)


def _width(estimator: Any) -> int:
    "Return the number of features that an estimator requires; 0 if it takes any."
    width = getattr(estimator, "n_features_in_", 0)
    return int(width) if isinstance(width, int | np.integer) else 0


def _nodes_problem(
    inner: NDArray[np.bool_],  # (n,) nodes that have children
    children: tuple[NDArray[Any], NDArray[Any]],  # left and right, of the inner nodes alone
    feature: NDArray[Any],  # likewise
    features: int,
) -> str:
    parent = np.flatnonzero(inner)
    for child in (tree.astype(np.int64) for tree in children):
        wrong = (child <= parent) | (child >= len(inner))
        if wrong.any():
            return f"a tree whose node {parent[wrong][0]} of {len(inner)} has the child {child[wrong][0]}"
    wrong = (feature < 0) | (feature >= features)
    if wrong.any():
        return f"a tree that asks for feature {feature[wrong][0]} of {features}"
    return ""


def boosting_problem(boosting: Any) -> str:
    "Find the problem of a `GradientBoosting...`, whose trees are followed past their own estimators."
    from sklearn.dummy import DummyClassifier, DummyRegressor

    first = boosting.estimators_[0, 0]
    if {_width(tree) for tree in boosting.estimators_.flat} != {_width(first)}:
        return "a boosting model whose trees take different features"
    start = boosting.init_
    dummy = type(start) in (DummyClassifier, DummyRegressor) and start.n_outputs_ == 1
    if not (dummy and getattr(start, "strategy", "") in ("prior", "mean", "quantile")) and start != "zero":
        return f"a boosting model that begins with {type(start).__name__}"
    columns, trees = _columns(boosting), boosting.estimators_.shape[1]
    return "" if columns == trees else f"a boosting model of {trees} trees for each of {columns} columns"


def _columns(boosting: Any) -> int:
    "Return the number of columns that the trees of one iteration add to: they are written without a check."
    if boosting.init_ == "zero":
        return int(boosting.n_trees_per_iteration_)
    return len(boosting.init_.class_prior_) if boosting._loss.is_multiclass else 1


def histogram_problem(boosting: Any) -> str:
    "Find the problem of a `HistGradientBoosting...`."
    features = _features(boosting)
    if not features:
        return "a boosting model that does not check how many features it is given"
    categorical = np.asarray(boosting._bin_mapper.is_categorical_)
    for predictor in (tree for iteration in boosting._predictors for tree in iteration):
        if problem := _predictor_problem(predictor, features, categorical):
            return problem
        for array in (predictor.nodes, predictor.raw_left_cat_bitsets, categorical):
            array.setflags(write=False)  # another part may hold the same array, as the target of a ufunc
    return ""


def _features(boosting: Any) -> int:
    "Return the number of columns that reach the trees; 0 if uncertain."
    if getattr(boosting, "_in_fit", False):  # makes predict leave all checks out
        return 0
    if boosting._preprocessor is None:
        return _width(boosting)
    return _preprocessed(boosting._preprocessor)


def _preprocessed(preprocessor: Any) -> int:
    "Return the number of columns of the preprocessor that such a model makes for its categories."
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    if type(preprocessor) is not ColumnTransformer:
        return 0
    parts = [(part, np.asarray(columns)) for _, part, columns in preprocessor.transformers_ if part != "drop"]
    if not all(type(part) is OrdinalEncoder or _passes(part) for part, _ in parts):
        return 0
    return sum(int(columns.sum()) if columns.dtype == bool else columns.size for _, columns in parts)


def _passes(part: Any) -> bool:
    "Check whether a part passes its input on unchanged."
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.utils import check_array

    if type(part) is not FunctionTransformer:
        return False
    return part.func is None or (isinstance(part.func, partial) and part.func.func is check_array)


def _predictor_problem(predictor: Any, features: int, categorical: NDArray[np.bool_]) -> str:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes, sets = predictor.nodes, predictor.raw_left_cat_bitsets
    if not len(nodes) or nodes.dtype != PREDICTOR_RECORD_DTYPE:
        return "a tree without nodes"
    inner = nodes["is_leaf"] == 0
    split = nodes[inner]
    children = (split["left"], split["right"])
    if problem := _nodes_problem(inner, children, split["feature_idx"], features):
        return problem
    asked = split[split["is_categorical"] != 0]
    numbers = {*np.flatnonzero(categorical).tolist()}
    if len(asked) and sets.shape[1:] != (BITSET,):
        return f"a tree whose sets of categories have the shape {sets.shape}"
    if not {*asked["feature_idx"].tolist()} <= numbers or (asked["bitset_idx"] >= len(sets)).any():
        return "a tree that asks for a set of categories that it does not have"
    return ""
