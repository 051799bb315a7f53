"""Explanations of a few golden records for a report: records made from the contract, about no one.

Each explanation is what a caller gets who asks the version for it.
"""

import json
from typing import Any, NamedTuple

import numpy as np

from goldenpath.inference.answers import ClassAnswer, QuantityAnswer
from goldenpath.inference.explanation import Explanation
from goldenpath.schema.golden import Golden, JsonValue
from goldenpath.schema.targets import Scores, TargetSpec

MOST_BARS = 12  # fields that are drawn for one record; those that matter least are left out


class FieldBar(NamedTuple):
    "What one field contributed."

    name: str
    value: float
    start: float  # per cent of the chart
    width: float


class ExplainedRecord(NamedTuple):
    "A golden record, the answer to it, and what each field contributed."

    title: str
    record: dict[str, JsonValue]
    answer: str
    explanation: Explanation

    @property
    def bars(self) -> list[FieldBar]:
        "The fields that matter most, the largest contribution first."
        return bars_of_fields(self.explanation.fields)[:MOST_BARS]


def bars_of_fields(fields: dict[str, float]) -> list[FieldBar]:
    "Draw contributions from the middle to both sides, the largest first."
    largest = max(map(abs, fields.values()), default=0.0) or 1.0
    ordered = sorted(fields.items(), key=lambda field: -abs(field[1]))
    widths = [50 * abs(value) / largest for _, value in ordered]
    return [
        FieldBar(name, value, 50.0 if value > 0 else 50.0 - width, width)
        for (name, value), width in zip(ordered, widths, strict=True)
    ]


def explain_golden(
    predictor: Any,  # a loaded `Predictor`
    golden: Golden,  # of the same version
) -> tuple[ExplainedRecord, ...]:  # empty for a version of a release without explanations
    "Explain the answers to the highest, the lowest and the least certain of the golden records."
    if predictor.explainer is None:
        return ()
    parsed = [predictor.contract.parse(json.dumps(record)) for record in golden.records]
    scores = predictor.scores(predictor.contract.columns_of(parsed))  # golden ones are not calibrated
    chosen = chosen_records(scores, predictor.target, predictor.threshold)
    return tuple(_explained(predictor, title, golden.records[place]) for title, place in chosen.items())


def chosen_records(scores: Scores, target: TargetSpec, threshold: float | None) -> dict[str, int]:
    "Choose records by their scores: the place of each by a title, no record twice."
    rank, margin = target.rank(scores), target.margin(scores, threshold)
    middle = int(np.argsort(rank, kind="stable")[len(rank) // 2])
    titles = {
        "binary": ("Highest probability", "Nearest to the threshold", "Lowest probability"),
        "classes": ("Surest answer", "Two classes nearest to each other", "Lowest probability of its label"),
        "quantity": ("Highest value", "Value in the middle", "Lowest value"),
    }[target.task]
    between = int(margin.argmin()) if np.isfinite(margin).all() else middle
    places = dict(zip(titles, (int(rank.argmax()), between, int(rank.argmin())), strict=True))
    first = {place: title for title, place in reversed(places.items())}
    return {title: place for title, place in places.items() if first[place] == title}


def _explained(predictor: Any, title: str, record: dict[str, JsonValue]) -> ExplainedRecord:
    parsed = predictor.contract.parse(json.dumps(record))
    answer = predictor.one(parsed)
    words = answer_in_words(answer, predictor.target)
    return ExplainedRecord(title, record, words, predictor.explain(parsed, answer))


def answer_in_words(answer: Any, target: Any) -> str:
    "Write the answer to one record."
    if isinstance(answer, QuantityAnswer):
        ends = "" if answer.low is None else f" ({answer.low:.4g} to {answer.high:.4g})"
        return f"{answer.value:.4g} {target.unit}{ends}"
    score = answer.probabilities[answer.label] if isinstance(answer, ClassAnswer) else answer.probability
    return f"{answer.label}, {target.score_name(target.place_of(answer))} {score:.3g}"
