"""Why an answer is what it is: what each field contributed.

A linear model is taken apart when it is trained, by its raw scores alone: how far each level of a column, or
each unit of a number, moves the score from the average of the training rows. The parts are stored with the
version, so that a server explains an answer without scikit-learn, and they are checked then to sum to the raw
score. Of every other model only a typical record is stored: an answer is compared with those to the same
record with one field set to its typical value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.inference.engines import frame_for
from goldenpath.records import Columns, Frozen, Layout
from goldenpath.schema.contract import Record
from goldenpath.schema.targets import Scores, TargetSpec

EXACT = 1e-9  # of a raw score, or of 1 if that is smaller: what the parts' sum may differ by
CHECKED = 500  # training rows that the parts must sum for
MOST_PARTS = 20_000  # of all columns together; more are not stored
NO_LEVEL = "\N{REPLACEMENT CHARACTER} a level that no row has"
Raw = Callable[[Columns], NDArray[np.float64]]  # (n, k) scores before they become probabilities

SUM = "base, the average over the training rows, and the contributions sum to the score"
CALIBRATED = {
    "contributions": "the probability of the answer is calibrated after this score",
    "ablation": "the probabilities are calibrated ones",
}
NO_SUM = "each field was set alone to its most frequent level or median; these differences do not sum"


class LevelParts(Frozen):
    "What each level of a text column adds to the raw scores: k numbers."

    levels: dict[str, list[float]]
    other: list[float]  # every other level

    def part(self, value: Any) -> NDArray[np.float64]:
        return np.array(self.levels.get(value, self.other))


class NumberParts(Frozen):
    "What a number adds to the raw scores: k numbers each."

    slope: list[float]
    origin: float  # the number at which it adds `offset`
    offset: list[float]
    missing: list[float]

    def part(self, value: float) -> NDArray[np.float64]:
        if np.isnan(value):
            return np.array(self.missing)
        return np.array(self.slope) * (value - self.origin) + self.offset


class Parts(Frozen):
    "An additive model: the average raw scores of the training rows, and what each column adds to them."

    base: list[float]
    text: dict[str, LevelParts]
    number: dict[str, NumberParts]

    def of(self, columns: Columns, row: int = 0) -> dict[str, NDArray[np.float64]]:
        "Return what each column of one row adds: (k,)."
        return {name: parts.part(columns[name][row]) for name, parts in (self.text | self.number).items()}


class Explainer(Frozen):
    "What a version stores to explain its answers: the content of its `explanation.json`."

    reference: dict[str, str | float | None]  # most frequent level or median of each field; None: missing
    parts: Parts | None  # None: the model is not linear


class Explanation(Frozen):
    "What each field contributed to one answer."

    method: Literal["contributions", "ablation"]
    of: str  # what is explained
    base: float | None  # None for an ablation
    score: float
    fields: dict[str, float]
    note: str


def explain_answer(
    predictor: Any,  # a `Predictor`, whose method this is
    record: Record,
    answer: Any,  # the predictor's own, to this record
) -> Explanation:
    "Say what each field contributed to an answer. Raises BadInput for a version of an older release."
    explainer, target = predictor.explainer, predictor.contract.target
    if explainer is None:
        raise BadInput(
            f"version {predictor.version} was trained before answers could be explained; "
            "train again, or leave explain out"
        )
    columns = predictor.contract.columns_of([record])
    if explainer.parts is None:
        explained = explain_by_ablation(explainer.reference, columns, predictor.scores, target, answer)
    else:
        complete = predictor.inputs.many(columns)
        explained = explain_parts(explainer.parts, complete, list(columns), target, answer)
    if predictor.manifest is None or predictor.manifest.calibration is None:
        return explained
    return explained.model_copy(update={"note": f"{explained.note}; {CALIBRATED[explained.method]}"})


def explain_parts(
    parts: Parts,
    columns: Columns,  # one record, as the model takes it
    fields: Sequence[str],
    target: TargetSpec,
    answer: Any,
) -> Explanation:
    "Sum what the columns of each field add to the raw score."
    place, sums = target.place_of(answer), dict.fromkeys(fields, 0.0)
    for column, part in parts.of(columns).items():
        name = field_of(column, fields)
        sums[name] = sums.get(name, 0.0) + float(part[place])
    base, name = parts.base[place], target.raw_name(place)
    return Explanation(
        method="contributions", of=name, base=base, score=base + sum(sums.values()), fields=sums, note=SUM
    )


def explain_by_ablation(
    reference: dict[str, str | float | None],
    columns: Columns,  # one record, as the contract reads it
    ask: Callable[[Columns], Scores],
    target: TargetSpec,
    answer: Any,
) -> Explanation:
    "Ask again with each field set to its reference, all in one batch."
    names = [name for name in columns if name in reference]
    batch = {name: np.repeat(values, len(names) + 1) for name, values in columns.items()}
    for row, name in enumerate(names, start=1):
        value = reference[name]
        batch[name][row] = ("" if batch[name].dtype == object else np.nan) if value is None else value
    place = target.place_of(answer)
    scores = ask(batch).reshape(len(names) + 1, -1)[:, place]
    fields = dict(zip(names, (scores[0] - scores[1:]).tolist(), strict=True))
    return Explanation(
        method="ablation",
        of=target.score_name(place),
        base=None,
        score=float(scores[0]),
        fields=fields,
        note=NO_SUM,
    )


def field_of(column: str, fields: Sequence[str]) -> str:
    "Name the field that a column was made of, such as `born` for `born month`; without one, the column."
    made_of = [field for field in fields if column == field or column.startswith(f"{field} ")]
    return max(made_of, key=len, default=column)


def learn_explainer(
    pipeline: Any,  # fitted
    layout: Layout,
    target: TargetSpec,
    columns: Mapping[str, NDArray[Any]],  # training rows, as the contract reads them
    complete: Mapping[str, NDArray[Any]],  # the same rows, as the model takes them
    weight: NDArray[np.float64] | None = None,  # (n,) how many each row stands for
) -> Explainer:
    "Store what explains the answers of a fitted model."
    reference = {name: typical(values) for name, values in columns.items()}
    raw = raw_scores(pipeline, layout, target)
    try:
        parts = learn_parts(raw, layout, complete, weight) if raw else None
    except Exception:  # a pipeline may fail in any way when it is asked for what no row holds
        parts = None
    return Explainer(reference=reference, parts=parts)


def typical(values: NDArray[Any]) -> str | float | None:
    "Return the most frequent text, or the median, which is one of the numbers."
    import pandas as pd

    if values.dtype == object:
        codes, levels = pd.factorize(values)
        return str(levels[np.bincount(codes).argmax()]) or None
    present = np.sort(values[~np.isnan(values)])
    return float(present[(len(present) - 1) // 2]) if len(present) else None


def raw_scores(pipeline: Any, layout: Layout, target: TargetSpec) -> Raw | None:
    "Return what asks for scores before they become probabilities; None if the model has no such scores."
    method = "decision_function" if target.outcomes else "predict"
    if not hasattr(pipeline, method):
        return None

    def ask(columns: Columns) -> NDArray[np.float64]:
        scores = np.asarray(getattr(pipeline, method)(frame_for(pipeline, columns, layout)), dtype=np.float64)
        scores = scores.reshape(len(scores), -1)
        return scores if scores.shape[1] == target.width else np.hstack([-scores, scores])  # of two classes

    return ask


class Probe(NamedTuple):
    "A place from which one column is moved at a time."

    raw: Raw
    start: Columns  # one row
    here: NDArray[np.float64]  # (1, k) its raw scores
    weight: NDArray[np.float64]  # (n,) of the training rows, sums to 1

    def moved(self, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
        "Return how far each value of a column moves the scores: (m, k)."
        rows = {other: np.repeat(first, len(values)) for other, first in self.start.items()}
        return self.raw({**rows, name: np.array(values, dtype=self.start[name].dtype)}) - self.here


def learn_parts(
    raw: Raw, layout: Layout, columns: Mapping[str, NDArray[Any]], weight: NDArray[np.float64] | None = None
) -> Parts | None:
    "Take an additive model apart, column by column; None if its parts do not sum to its raw scores."
    rows = rows_to_check(columns, layout)
    start = {name: values[:1] for name, values in rows[0].items()}
    count = len(columns[next(iter(start))])
    weight = np.ones(count) if weight is None else weight
    probe = Probe(raw, start, raw(start), weight / weight.sum())
    learned = {name: learn_levels(probe, name, columns[name]) for name in layout.text}
    numbers = {name: learn_number(probe, name, columns[name]) for name in layout.number}
    if sum(len(parts.levels) for parts, _ in learned.values()) > MOST_PARTS:
        return None
    averages = [average for _, average in (*learned.values(), *numbers.values())]
    parts = Parts(
        base=(probe.here[0] + np.sum(averages, axis=0)).tolist(),
        text={name: parts for name, (parts, _) in learned.items()},
        number={name: parts for name, (parts, _) in numbers.items()},
    )
    return parts if all(sums(parts, raw, some) for some in rows) else None


def learn_levels(probe: Probe, name: str, values: NDArray[Any]) -> tuple[LevelParts, NDArray[np.float64]]:
    "Return what each level adds to the average, and that average."
    import pandas as pd

    codes, levels = pd.factorize(values)
    moved = probe.moved(name, [*levels, NO_LEVEL])
    average = np.bincount(codes, probe.weight, len(levels)) @ moved[:-1]
    parts = moved - average
    other = parts[-1]
    differing = [place for place in range(len(levels)) if (parts[place] != other).any()]
    return LevelParts(
        levels={str(levels[place]): parts[place].tolist() for place in differing}, other=other.tolist()
    ), average


def learn_number(probe: Probe, name: str, values: NDArray[Any]) -> tuple[NumberParts, NDArray[np.float64]]:
    "Return what a number adds to the average, and that average."
    gone = np.isnan(values)
    present = values[~gone]
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 1.0)
    high = high if high > low else low + 1.0
    at_low, at_high = probe.moved(name, [low, high])
    slope = (at_high - at_low) / (high - low)
    missing = missing_part(probe, name, must=bool(gone.any()))
    share, mean = probe.weight[gone].sum(), float(probe.weight[~gone] @ (present - low))
    average = (1 - share) * at_low + slope * mean + share * missing
    return NumberParts(
        slope=slope.tolist(),
        origin=low,
        offset=(at_low - average).tolist(),
        missing=(missing - average).tolist(),
    ), average


def missing_part(probe: Probe, name: str, must: bool) -> NDArray[np.float64]:
    "Return how far a missing number moves the scores; a model that takes none is never asked with one."
    try:
        return np.asarray(probe.moved(name, [np.nan])[0])
    except ValueError:
        if must:
            raise
        return np.zeros_like(probe.here[0])


def rows_to_check(columns: Mapping[str, NDArray[Any]], layout: Layout) -> list[Columns]:
    "Return training rows; others that no row is like, as each column is mixed by itself; and larger numbers."
    names = (*layout.text, *layout.number)
    count = len(columns[names[0]])
    rng = np.random.default_rng(0)
    chosen = np.linspace(0, count - 1, min(count, CHECKED)).astype(np.intp)
    rows = {name: columns[name][chosen] for name in names}
    mixed = {name: rng.permutation(values) for name, values in rows.items()}
    wider = {name: shortened(mixed[name] * 3 - mixed[name].mean()) for name in layout.number}
    return [rows, mixed, {**mixed, **wider}]


def shortened(values: NDArray[np.float64]) -> NDArray[np.float64]:
    "Round numbers to float32, which a pipeline may do itself; those that are too large stay."
    with np.errstate(over="ignore"):
        short = values.astype(np.float32).astype(np.float64)
    return np.where(np.isinf(short), values, short)


def sums(parts: Parts, raw: Raw, rows: Columns) -> bool:
    "Check that base and parts sum to the raw scores of each row."
    scores = raw(rows)
    for row, expected in enumerate(scores):
        total = np.array(parts.base) + np.sum(list(parts.of(rows, row).values()), axis=0)
        if not (np.abs(total - expected) <= EXACT * np.maximum(1.0, np.abs(expected))).all():
            return False
    return True
