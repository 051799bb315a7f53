"""The answers to one record for classes and quantities; that of two outcomes is taught in 08_predict."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from goldenpath.schema.targets import TargetSpec

if TYPE_CHECKING:
    import pandas as pd


class ClassAnswer(NamedTuple):
    "The answer of a version to one record, if there are several classes."

    label: str
    probabilities: dict[str, float]  # by class
    version: str


class QuantityAnswer(NamedTuple):
    "The answer of a version to one record, if an amount is predicted."

    value: float
    low: float | None  # of the interval around it; None if there were too few validation rows for one
    high: float | None
    version: str


def agree(answer: Any, other: Any) -> bool:
    "Check that another version's answer has the same label, or a value within the interval of the first."
    if isinstance(answer, QuantityAnswer):
        low, high = answer[1:3]
        inside = low is not None and high is not None and low <= other.value <= high
        return bool(inside or answer.value == other.value)
    return bool(answer.label == other.label)


def answer_maker(
    target: TargetSpec,
    version: str,
    half_width: float | None,  # of the interval around a quantity
    two_outcomes: Callable[[Any], Any],  # makes the answer of two outcomes, which have their own rule
) -> Callable[[Any], Any]:
    "Return what makes an answer of one record's scores."

    def class_answer(scores: np.ndarray) -> ClassAnswer:
        by_class = dict(zip(target.outcomes, scores.tolist(), strict=True))
        return ClassAnswer(target.outcomes[int(scores.argmax())], by_class, version)

    def quantity_answer(value: float) -> QuantityAnswer:
        if half_width is None:
            return QuantityAnswer(float(value), None, None, version)
        return QuantityAnswer(float(value), float(value - half_width), float(value + half_width), version)

    makers: dict[str, Callable[[Any], Any]] = {"classes": class_answer, "quantity": quantity_answer}
    return makers.get(target.task, two_outcomes)


def frame_of_answers(target: TargetSpec, answers: dict[str, np.ndarray]) -> "pd.DataFrame":
    "Return the answers to n records as a frame, each class with a column of its own."
    import pandas as pd

    return pd.DataFrame(target.flat(answers))
