"""What is predicted: one of two outcomes, one of several classes, or a quantity.

What depends on the kind of a target is asked of the target itself, so that it is decided here alone: how an
outcome column is judged and encoded, what a fitted model is asked for, and what an answer is called.
"""

from collections.abc import Callable
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from goldenpath.records import Frozen
from goldenpath.schema.columns import Judged, distinct, judge_levels, judge_number, take
from goldenpath.schema.fields import FieldSpec, some

if TYPE_CHECKING:
    import pandas as pd

TaskName = Literal["binary", "classes", "quantity"]
Scores = NDArray[np.float64]
Decide = Callable[[Scores, float], NDArray[np.bool_]]  # probabilities and threshold: True is positive

FEWEST, MOST = 2, 100  # classes of a target
PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
FLOAT32 = 1e-5  # what float32 sums of a few hundred terms stay below, for values around 1


def from_threshold_on(probability: Scores, threshold: float) -> NDArray[np.bool_]:
    "Call a record positive from the threshold on."
    return probability >= threshold


class TargetSpec(Frozen):
    """The column to predict.

    A model's *scores* are (n,) probabilities of the positive outcome, (n, k) probabilities of k classes, or
    (n,) values of a quantity.
    """

    task: ClassVar[TaskName]
    method: ClassVar[Literal["predict_proba", "predict"]] = "predict_proba"  # of a fitted pipeline
    golden: ClassVar[tuple[str, ...]]  # what golden records hold of an answer, in the order of their fields
    free: ClassVar[tuple[str, ...]] = ()  # what may change without changing the meaning of an answer

    column: str

    @property
    def outcomes(self) -> tuple[str, ...]:
        "The labels in the order of their codes; none for a quantity."
        return ()

    @property
    def width(self) -> int:
        "Scores of one record."
        return 1

    @property
    def columns(self) -> int:
        "The numbers that a fitted model puts out for one record."
        return self.width

    @property
    def rule(self) -> str:
        "What an outcome must be, in words."
        raise NotImplementedError

    @property
    def described(self) -> str:
        "What is predicted, as a model card has it."
        return f"`{self.column}`, {self.rule}"

    @property
    def outputs(self) -> dict[str, str]:
        "What an answer holds, by name, with its datatype in the Open Inference Protocol."
        raise NotImplementedError

    @property
    def reply(self) -> dict[str, Any]:
        "The JSON Schema of each part of an answer, by name."
        raise NotImplementedError

    @property
    def remedy(self) -> str:
        "What to change in the contract if its outcomes are not those of the rows."
        return "name further labels as unknown, or all of them as levels of Classes(...),"

    def problem(self) -> str:
        "Explain what is wrong with the definition; empty if nothing is."
        raise NotImplementedError

    def judge(self, column: "pd.Series[Any]") -> Judged:
        "Check an outcome column; an unknown outcome stays in the frame, as missing."
        raise NotImplementedError

    def known(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        "Find the rows with an outcome to learn from: (n,) neither empty nor one of the unknown ones."
        raise NotImplementedError

    def encode(self, column: "pd.Series[Any]") -> NDArray[Any]:
        "Encode a clean column of known outcomes: (n,) bool (True is positive), int64 codes, or float64."
        raise NotImplementedError

    def places(self, column: "pd.Series[Any]") -> NDArray[np.intp]:
        "Sort clean outcomes into groups to be counted: (n,) codes; a quantity has one group."
        return np.asarray(self.encode(column), dtype=np.intp)

    @property
    def unknown_outcomes(self) -> tuple[str, ...]:
        "Labels that are allowed but cannot be learned from."
        return ()

    @property
    def event_in_words(self) -> str:
        "What an exploration compares the groups by, as `event` finds it."
        raise NotImplementedError

    def event(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        "Find the rows of the positive outcome, of the first class, or above the median: (n,)."
        raise NotImplementedError

    def no_scores(self) -> Scores:
        "Return the scores of no record."
        return np.empty((0, self.width) if self.width > 1 else 0)

    def scores(self, pipeline: Any, frame: "pd.DataFrame") -> Scores:
        "Ask a fitted scikit-learn pipeline for its scores."
        return self.pick(np.asarray(getattr(pipeline, self.method)(frame), dtype=np.float64))

    def pick(self, outputs: NDArray[Any]) -> Scores:
        "Take the scores out of what a model puts out: (n, 2), (n, k), (n,) or (n, 1)."
        return np.asarray(outputs, dtype=np.float64)

    def decide(self, scores: Scores, threshold: float | None, rule: Decide) -> NDArray[Any]:
        "Make codes of scores: (n,); `rule` is the model's own, for two outcomes. Empty for a quantity."
        return np.empty(0)

    def answers(
        self,
        scores: Scores,
        codes: NDArray[Any],  # from `decide`
        half_width: float | None = None,  # of the interval around a quantity
    ) -> dict[str, NDArray[Any]]:
        "Name scores and decisions as an answer does: arrays of n, or (n, k) probabilities of classes."
        raise NotImplementedError

    @property
    def table(self) -> tuple[str, ...]:
        "The columns of an answer in a table, as `flat` returns them."
        return tuple(self.outputs)

    def flat(self, answers: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        "Give each class a column of its own, as a table of answers has it: arrays of n."
        return answers

    def rows(self, answers: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
        "Return the answer to each record by itself, as JSON holds it."
        raise NotImplementedError

    def stored(self, scores: Scores, codes: NDArray[Any]) -> dict[str, Any]:
        "Name scores and decisions as golden records hold them."
        raise NotImplementedError

    def threshold_problem(self, threshold: float | None) -> str:
        "Explain what is wrong with a version's threshold; empty if nothing is."
        return "" if threshold is None else f"{threshold} is there, but a target of task {self.task} has none"

    def tolerance(self, scores: Scores) -> float:
        "Bound the difference between a compiled model's scores and these that rounding explains."
        return FLOAT32

    def margin(self, scores: Scores, threshold: float | None) -> Scores:
        "Return how far each score may move before the decision is another one: (n,), infinite without one."
        return np.full(len(scores), np.inf)

    def flips(self, scores: Scores, others: Scores, threshold: float | None) -> NDArray[np.bool_]:
        "Find records on which other scores decide otherwise, by more than rounding: (n,)."
        return np.zeros(len(scores), dtype=bool)

    def rank(self, scores: Scores) -> Scores:
        "Return one number of each record by which answers spread: (n,)."
        return scores

    def place_of(self, answer: Any) -> int:
        "Return which of an answer's scores is explained."
        return 0

    def raw_name(self, place: int) -> str:
        "Name a score before it becomes a probability."
        raise NotImplementedError

    def score_name(self, place: int) -> str:
        "Name a score."
        return f"probability of {self.outcomes[place]}"


class Labels(TargetSpec):
    "A target of labels: each outcome is one of a few texts."

    @property
    def rule(self) -> str:
        "What an outcome must be, in words."
        return f"{self.named}{self.or_unknown}"

    @property
    def named(self) -> str:
        "The labels, in words."
        return f"one of {some(self.outcomes)}"

    @property
    def or_unknown(self) -> str:
        unknown = self.unknown_outcomes
        return f" (or unknown: {some(unknown)})" if unknown else ""

    @property
    def unknown_outcomes(self) -> tuple[str, ...]:
        "Labels that are allowed but cannot be learned from."
        return ()

    def problem(self) -> str:
        outcomes = (*self.outcomes, *self.unknown_outcomes)
        if "" in outcomes or len(set(outcomes)) < len(outcomes):
            return (
                f"needs different, non-empty outcomes (found {some(map(repr, outcomes))}); "
                "an empty outcome always counts as unknown"
            )
        return ""

    def judge(self, column: "pd.Series[Any]") -> Judged:
        cells = distinct(column)
        judged = judge_levels(self.outcomes, cells)
        unknown = take(np.isin(cells.texts, self.unknown_outcomes), cells.codes, True)
        return Judged(judged.values, judged.missing | unknown, judged.valid)

    def known(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        cells = distinct(column)
        return ~take(np.isin(cells.texts, self.unknown_outcomes), cells.codes, True)

    def labels(self, codes: NDArray[Any]) -> NDArray[Any]:
        "Name codes: (n,) object (str)."
        return np.array(self.outcomes, dtype=object)[np.asarray(codes, dtype=np.intp)]


class BinarySpec(Labels):
    "One of two outcomes; the probability of the positive one is predicted."

    task: ClassVar[TaskName] = "binary"
    golden: ClassVar[tuple[str, ...]] = ("probability", "label")

    positive: str  # the outcome whose probability is predicted
    negative: str
    unknown: tuple[str, ...] = ()  # labels that are allowed but cannot be learned from

    @property
    def outcomes(self) -> tuple[str, ...]:
        return (self.negative, self.positive)

    @property
    def columns(self) -> int:
        return 2

    @property
    def unknown_outcomes(self) -> tuple[str, ...]:
        return self.unknown

    @property
    def named(self) -> str:
        return f"{self.positive} or {self.negative}"

    @property
    def described(self) -> str:
        return f"`{self.column}` = {self.positive} (otherwise {self.negative})"

    @property
    def outputs(self) -> dict[str, str]:
        return {"label": "BYTES", "probability": "FP64"}

    @property
    def reply(self) -> dict[str, Any]:
        return {"label": {"enum": list(self.outcomes)}, "probability": PROBABILITY}

    def problem(self) -> str:
        if not (self.positive and self.negative):
            return (
                f"lacks {'negative' if self.positive else 'positive'}: write "
                f"Target(column={self.column!r}, positive=..., negative=...) with the column's two values, "
                f"Classes({self.column!r}, levels=(...)) for more, or Quantity({self.column!r}, unit=...) "
                "for an amount"
            )
        return super().problem()

    def encode(self, column: "pd.Series[Any]") -> NDArray[Any]:
        return np.asarray(column == self.positive, dtype=bool)

    @property
    def event_in_words(self) -> str:
        return f"{self.column} = {self.positive}"

    def event(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        return np.asarray(column == self.positive, dtype=bool)

    def pick(self, outputs: NDArray[Any]) -> Scores:
        return np.asarray(outputs[:, 1], dtype=np.float64)

    def decide(self, scores: Scores, threshold: float | None, rule: Decide) -> NDArray[Any]:
        assert threshold is not None, "two outcomes need a threshold"
        return np.asarray(rule(scores, threshold), dtype=bool)

    def answers(
        self, scores: Scores, codes: NDArray[Any], half_width: float | None = None
    ) -> dict[str, NDArray[Any]]:
        return {"label": self.labels(codes), "probability": scores}

    def rows(self, answers: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
        pairs = zip(answers["label"].tolist(), answers["probability"].tolist(), strict=True)
        return [{"label": label, "probability": number} for label, number in pairs]

    def stored(self, scores: Scores, codes: NDArray[Any]) -> dict[str, Any]:
        return {"probability": scores.tolist(), "label": np.asarray(codes, dtype=bool).tolist()}

    def threshold_problem(self, threshold: float | None) -> str:
        within = threshold is not None and 0 <= threshold <= 1  # also refuses NaN
        return "" if within else f"{threshold} is not within 0 and 1"

    def raw_name(self, place: int) -> str:
        return f"logit of {self.positive}"

    def score_name(self, place: int) -> str:
        return f"probability of {self.positive}"

    def margin(self, scores: Scores, threshold: float | None) -> Scores:
        assert threshold is not None, "two outcomes need a threshold"
        return np.abs(scores - threshold)

    def flips(self, scores: Scores, others: Scores, threshold: float | None) -> NDArray[np.bool_]:
        assert threshold is not None, "two outcomes need a threshold"
        return np.asarray((scores >= threshold) != (others >= threshold))


class ClassesSpec(Labels):
    "One of several classes; the probability of each is predicted."

    task: ClassVar[TaskName] = "classes"
    golden: ClassVar[tuple[str, ...]] = ("probabilities",)

    levels: tuple[str, ...]
    unknown: tuple[str, ...] = ()  # labels that are allowed but cannot be learned from

    @property
    def outcomes(self) -> tuple[str, ...]:
        return self.levels

    @property
    def unknown_outcomes(self) -> tuple[str, ...]:
        return self.unknown

    @property
    def width(self) -> int:
        return len(self.levels)

    @property
    def outputs(self) -> dict[str, str]:
        return {"label": "BYTES", "probabilities": "FP64"}

    @property
    def reply(self) -> dict[str, Any]:
        names = list(self.levels)
        each = {"type": "object", "properties": dict.fromkeys(names, PROBABILITY), "required": names}
        return {"label": {"enum": names}, "probabilities": each}

    def problem(self) -> str:
        if not FEWEST <= len(self.levels) <= MOST:
            return (
                f"has {len(self.levels)} levels, and a model can tell {FEWEST} to {MOST} classes apart; "
                "put rare ones together, or write Quantity(...) if they are amounts"
            )
        return super().problem()

    @property
    def event_in_words(self) -> str:
        return f"{self.column} = {self.levels[0]}"

    def event(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        return np.asarray(column == self.levels[0], dtype=bool)

    def encode(self, column: "pd.Series[Any]") -> NDArray[Any]:
        import pandas as pd

        codes: NDArray[Any] = pd.Index(self.levels).get_indexer(pd.Index(column.astype(object)))
        return codes.astype(np.int64)

    def decide(self, scores: Scores, threshold: float | None, rule: Decide) -> NDArray[Any]:
        return np.asarray(np.argmax(scores, axis=-1))

    def answers(
        self, scores: Scores, codes: NDArray[Any], half_width: float | None = None
    ) -> dict[str, NDArray[Any]]:
        return {"label": self.labels(codes), "probabilities": scores}

    @property
    def table(self) -> tuple[str, ...]:
        "The columns of an answer in a table, as `flat` returns them."
        return ("label", *(f"probability_{level}" for level in self.levels))

    def flat(self, answers: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        columns = (answers["label"], *answers["probabilities"].T)
        return dict(zip(self.table, columns, strict=True))

    def rows(self, answers: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
        pairs = zip(answers["label"].tolist(), answers["probabilities"].tolist(), strict=True)
        return [
            {"label": label, "probabilities": dict(zip(self.levels, numbers, strict=True))}
            for label, numbers in pairs
        ]

    def stored(self, scores: Scores, codes: NDArray[Any]) -> dict[str, Any]:
        return {"probabilities": scores.tolist()}

    def place_of(self, answer: Any) -> int:
        return self.levels.index(answer.label)

    def raw_name(self, place: int) -> str:
        return f"score of {self.levels[place]}, before it becomes a probability"

    def margin(self, scores: Scores, threshold: float | None) -> Scores:
        second, first = np.sort(scores, axis=1)[:, -2:].T
        return np.asarray(first - second)

    def flips(self, scores: Scores, others: Scores, threshold: float | None) -> NDArray[np.bool_]:
        changed = scores.argmax(axis=1) != others.argmax(axis=1)
        return np.asarray(changed & (self.margin(scores, threshold) > 2 * FLOAT32))

    def rank(self, scores: Scores) -> Scores:
        return np.asarray(scores.max(axis=1))


class QuantitySpec(TargetSpec):
    "An amount of something."

    task: ClassVar[TaskName] = "quantity"
    golden: ClassVar[tuple[str, ...]] = ("values",)
    method: ClassVar[Literal["predict_proba", "predict"]] = "predict"
    free: ClassVar[tuple[str, ...]] = ("lower", "upper")

    unit: str
    lower: float | None = None  # of the rows' outcomes, both included; an answer may lie outside
    upper: float | None = None

    @property
    def field(self) -> FieldSpec:
        "The rows' outcomes as a number column."
        return FieldSpec(name=self.column, kind="number", lower=self.lower, upper=self.upper)

    @property
    def rule(self) -> str:
        return f"{self.field.rule} ({self.unit})"

    @property
    def remedy(self) -> str:
        return "correct the bounds of the Quantity, which needs numbers, or predict Classes(...),"

    @property
    def outputs(self) -> dict[str, str]:
        return {"value": "FP64", "low": "FP64", "high": "FP64"}

    @property
    def reply(self) -> dict[str, Any]:
        bound = {"type": ["number", "null"]}
        return {"value": {"type": "number"}, "low": bound, "high": bound}

    def problem(self) -> str:
        if not self.unit:
            return f"lacks its unit: write Quantity({self.column!r}, unit=...), such as unit='euros'"
        bounds = [bound for bound in (self.lower, self.upper) if bound is not None]
        if not all(map(isfinite, bounds)) or bounds != sorted(set(bounds)):
            return f"needs finite bounds, lower below upper (found {self.lower} and {self.upper})"
        return ""

    def judge(self, column: "pd.Series[Any]") -> Judged:
        return judge_number(self.field, column)

    def known(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        return distinct(column).codes >= 0

    @property
    def event_in_words(self) -> str:
        return f"{self.column} above its median"

    def event(self, column: "pd.Series[Any]") -> NDArray[np.bool_]:
        return np.asarray(column > column.median(), dtype=bool)

    def encode(self, column: "pd.Series[Any]") -> NDArray[Any]:
        return np.asarray(column, dtype=np.float64)

    def places(self, column: "pd.Series[Any]") -> NDArray[np.intp]:
        return np.zeros(len(column), dtype=np.intp)

    def pick(self, outputs: NDArray[Any]) -> Scores:
        return np.asarray(outputs, dtype=np.float64).ravel()

    def answers(
        self, scores: Scores, codes: NDArray[Any], half_width: float | None = None
    ) -> dict[str, NDArray[Any]]:
        half = np.nan if half_width is None else half_width
        return {"value": scores, "low": scores - half, "high": scores + half}

    def rows(self, answers: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
        lists = [column.tolist() for column in answers.values()]
        columns = [[None if isnan(number) else number for number in column] for column in lists]
        return [dict(zip(answers, values, strict=True)) for values in zip(*columns, strict=True)]

    def raw_name(self, place: int) -> str:
        return f"{self.column} ({self.unit})"

    def score_name(self, place: int) -> str:
        return self.raw_name(place)

    def stored(self, scores: Scores, codes: NDArray[Any]) -> dict[str, Any]:
        return {"values": scores.tolist()}

    def tolerance(self, scores: Scores) -> float:
        finite = np.abs(scores[np.isfinite(scores)])
        return FLOAT32 * max(1.0, float(finite.max(initial=0.0)))


TWO_OUTCOMES = BinarySpec(column="outcome", positive="yes", negative="no")  # where their names do not matter
AnyTarget: TypeAlias = BinarySpec | ClassesSpec | QuantitySpec
TARGETS: tuple[type[AnyTarget], ...] = (BinarySpec, ClassesSpec, QuantitySpec)


def plain_target(target: Any) -> Any:
    "Return a target without the class that its author made it of, so that equal ones are equal."
    kinds = [kind for kind in TARGETS if isinstance(target, kind) and type(target) is not kind]
    return kinds[0](**dict(target)) if kinds else target
