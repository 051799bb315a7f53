"""Count the scores of validation rows, and learn what they are worth and how far predicted values are off."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.resampling import Ints
from goldenpath.feedback.cells import place_numbers, place_probabilities, worth
from goldenpath.feedback.knots import FITTED_ROWS, knots_of
from goldenpath.feedback.profile import (
    FEWEST_IN_CELL,
    QUANTITY_CELLS,
    SCORE_CELLS,
    Loss,
    LossName,
    ScoreProfile,
    score_names,
)
from goldenpath.feedback.profiled_fields import edges_of
from goldenpath.feedback.ranking import Values
from goldenpath.schema.spec import ContractSpec

ROWS_PER_LOSS = 50  # validation rows in a cell of predicted values, about


@dataclass(frozen=True)
class Validated:
    "The answers on the validation rows."

    outcome: NDArray[Any]  # (n,) as the contract encodes them
    scores: Values  # (n,) or (n, k) as the version answers
    codes: NDArray[Any]  # (n,) decisions: True is positive, or the class; of no meaning for a quantity
    weight: Values  # (n,)
    equal: Ints | None = None  # (n,) how many equal rows each is; None: one each

    @property
    def rows(self) -> Ints:
        "How many equal rows each is: (n,)."
        return np.ones(len(self.outcome), dtype=np.intp) if self.equal is None else self.equal

    @property
    def weights(self) -> Values:
        "How many each row stands for, with those that are equal to it: (n,)."
        return self.weight * self.rows


def profile_scores(spec: ContractSpec, validated: Validated) -> tuple[ScoreProfile, ...]:
    "Profile the scores of each outcome, or the predicted values."
    names = score_names(spec)
    if spec.target.task == "quantity":
        return (profile_values(names[0], validated),)
    columns = validated.scores[:, None] if validated.scores.ndim == 1 else validated.scores
    first = 1 if len(names) == 1 else 0  # the code of the first score's outcome
    most = max(FITTED_ROWS // len(names), 1)
    knots = [
        knots_of(scores, validated.outcome == code, validated.weight, most, equal=validated.equal)
        for code, scores in enumerate(columns.T, first)
    ]
    p = worth(knots, validated.scores).reshape(columns.shape)
    return tuple(
        profile_probability(name, columns[:, at], p[:, at], knots[at], validated)
        for at, name in enumerate(names)
    )


def profile_probability(
    name: str, scores: Values, p: Values, knots: tuple[tuple[float, float], ...], validated: Validated
) -> ScoreProfile:
    "Count one score by groups of fine cells that hold enough rows."
    cells, weight = place_probabilities(scores), validated.weights
    starts = starts_of(np.bincount(cells, validated.rows, SCORE_CELLS).astype(int))
    group = np.searchsorted(starts, cells, side="right") - 1
    counts, sums = (np.bincount(group, values, len(starts)) for values in (weight, weight * p))
    return ScoreProfile(
        name=name,
        starts=tuple(starts),
        counts=tuple(round(count) for count in counts),
        means=tuple((sums / counts).tolist()),
        knots=knots,
    )


def starts_of(rows: Ints) -> list[int]:  # (SCORE_CELLS,)
    "Put neighbouring cells together until each group has enough rows; the first cell of each."
    starts, held, total = [0], 0, int(rows.sum())
    for cell, count in enumerate(rows.tolist()):
        if held >= FEWEST_IN_CELL and total >= FEWEST_IN_CELL and count:
            starts.append(cell)
            held = 0
        held += count
        total -= count
    return starts


def profile_values(name: str, validated: Validated) -> ScoreProfile:
    "Count predicted values, and the losses of each cell."
    values, weight = validated.scores, validated.weights
    distinct, place = np.unique(values, return_inverse=True)
    rows = np.bincount(place, validated.rows).astype(int)
    cells = max(min(QUANTITY_CELLS, int(rows.sum()) // ROWS_PER_LOSS), 1)
    weights = np.asarray(np.bincount(place, weight), dtype=np.float64)
    edges = edges_of(distinct, rows, weights, cells, ROWS_PER_LOSS // 2)
    cell = place_numbers(np.array(edges), values)
    counts, sums = (np.bincount(cell, part, len(edges) + 1) for part in (weight, weight * values))
    return ScoreProfile(
        name=name,
        edges=tuple(edges),
        starts=tuple(range(len(edges) + 1)),
        counts=tuple(round(count) for count in counts),
        means=tuple((sums / counts).tolist()),
        losses={kind: loss_by_cell(loss, cell, weight) for kind, loss in losses(validated).items()},
    )


def losses(validated: Validated) -> dict[LossName, Values]:  # (n,) of each
    "Return how far each predicted value was off; the logarithmic loss only if no value is below 0."
    off = validated.scores - validated.outcome
    kinds: dict[LossName, Values] = {"absolute": np.abs(off), "squared": off**2}
    if min(validated.scores.min(), validated.outcome.min()) >= 0:
        kinds["logarithmic"] = (np.log1p(validated.scores) - np.log1p(validated.outcome)) ** 2
    return kinds


def loss_by_cell(loss: Values, cell: Ints, weight: Values) -> Loss:
    "Return mean and standard deviation of a loss within each cell."
    total, sums = np.bincount(cell, weight), np.bincount(cell, weight * loss)
    mean = sums / total
    spread = np.bincount(cell, weight * (loss - mean[cell]) ** 2) / total
    return Loss(mean=tuple(mean.tolist()), deviation=tuple(np.sqrt(spread).tolist()))


def decisions_of(
    outcomes: tuple[str, ...], scores: tuple[ScoreProfile, ...], validated: Validated
) -> tuple[dict[str, int], dict[str, float]]:
    """Count decisions by label, and add up the probabilities of them.

    Of two outcomes, it is the probability of the positive one; of classes, that of the label itself.
    """
    if not outcomes:
        return {}, {}
    p = worth([score.knots for score in scores], validated.scores)
    codes = validated.codes.astype(int)
    own = p if p.ndim == 1 else np.take_along_axis(p, codes[:, None], axis=1)[:, 0]
    labels = np.bincount(codes, validated.weights, len(outcomes)).round().astype(int).tolist()
    sums = np.bincount(codes, validated.weights * own, len(outcomes)).tolist()
    return dict(zip(outcomes, labels, strict=True)), dict(zip(outcomes, sums, strict=True))
