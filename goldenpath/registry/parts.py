"""What a fitted pipeline is made of: every part is looked at after loading and before it is asked.

skops decides by type alone. Some types hold state that compiled code follows without a check, or read a file
that the caller names: those parts are looked at here, wherever in the pipeline they are.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import NotTrusted
from goldenpath.registry.trees import boosting_problem, histogram_problem, tree_problem

_PLAIN = (str, bytes, int, float, bool, type(None), type, np.generic)  # have no parts
CLASSIFIES = ("c_svc", "nu_svc")  # kinds of support vector machine that count their vectors by class
PartCheck = Callable[[Any, Any], str]  # of a part and what holds it: what is wrong, "" where nothing is


def check_parts(pipeline: Any, path: Path) -> None:
    "Check the parts of a pipeline. Raises NotTrusted if one would crash, hang or read files on a request."
    checks = _checks()
    for holder, part in edges(pipeline):
        for kind, check in checks:
            if isinstance(part, kind) and (problem := check(part, holder)):
                raise NotTrusted(f"{path} holds {problem}; train it again")


def edges(root: Any) -> Iterator[tuple[Any, Any]]:  # what holds a part, and the part
    "Every reference from one part to another, the root first; each part's own parts once."
    yield None, root
    visited, waiting = {id(root)}, [root]
    while waiting:
        holder = waiting.pop()
        for part in members_of(holder):
            yield holder, part
            if id(part) not in visited:
                visited.add(id(part))
                waiting.append(part)


def members_of(holder: Any) -> Iterator[Any]:
    "Return the values of one object, without plain values and arrays of them."
    if isinstance(holder, dict):
        held = [*holder, *holder.values()]
    elif isinstance(holder, list | tuple | set | frozenset):
        held = [*holder]
    elif isinstance(holder, np.ndarray):
        held = np.asarray(holder).ravel().tolist() if holder.dtype.hasobject else []
    else:
        held = [*getattr(holder, "__dict__", {}).values()]
    return (part for part in held if not isinstance(part, _PLAIN))


def _checks() -> list[tuple[type, PartCheck]]:
    from scipy.sparse import sparray, spmatrix
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.feature_extraction.text import _VectorizerMixin
    from sklearn.svm._base import BaseLibSVM
    from sklearn.tree._tree import Tree

    return [
        (Tree, tree_problem),
        (BaseGradientBoosting, _fitted("estimators_", boosting_problem)),
        (BaseHistGradientBoosting, _fitted("_predictors", histogram_problem)),
        (BaseLibSVM, _fitted("support_", machine_problem)),
        (_VectorizerMixin, _fitted("input", reading_problem)),
        (spmatrix, _fitted("format", matrix_problem)),
        (sparray, _fitted("format", matrix_problem)),
    ]


def _fitted(attribute: str, problem: Callable[[Any], str]) -> PartCheck:
    "Return a check that passes parts without this attribute, such as the template of a stack."
    return lambda part, _: problem(part) if hasattr(part, attribute) else ""


def reading_problem(vectorizer: Any) -> str:
    "Report a text vectorizer that takes its text for a file name: it would read any file for any caller."
    if vectorizer.input == "content":
        return ""
    return f"a {type(vectorizer).__name__} with input={vectorizer.input!r}, which reads files"


def matrix_problem(matrix: Any) -> str:
    "Sparse products follow the indices of a matrix without a check."
    if matrix.format not in ("csr", "csc"):
        return f"a sparse matrix of the format {matrix.format}, which cannot be checked"
    try:
        matrix.check_format(full_check=True)
    except ValueError as error:
        return f"a sparse matrix whose {error}"
    return ""


def machine_problem(machine: Any) -> str:
    "libsvm trusts that the arrays of a support vector machine fit each other."
    from scipy.sparse import issparse

    vectors, classes = len(machine.support_), len(machine._n_support)
    coefficients, pairs = machine._dual_coef_, classes * (classes - 1) // 2
    values = coefficients.data.size if issparse(coefficients) else coefficients.size
    probabilities = {machine._probA.size, machine._probB.size} - {0, pairs}
    fits = (
        machine.kernel != "precomputed"
        and machine.support_vectors_.shape[0] == vectors
        and values == (classes - 1) * vectors
        and machine._intercept_.size == pairs
        and not probabilities
        and (machine._impl not in CLASSIFIES or _adds_up(machine._n_support, vectors))
    )
    return "" if fits else "a support vector machine whose arrays do not fit each other"


def _adds_up(counts: NDArray[np.int32], vectors: int) -> bool:
    return bool((counts >= 0).all()) and int(counts.sum(dtype=np.int64)) == vectors
