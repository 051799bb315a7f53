"""What candidates are worth on folds of the training rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.evaluation.leaderboard import COMPARED_BY, CandidateEntry, FoldSpread
from goldenpath.evaluation.metrics import Answers, unweighted
from goldenpath.evaluation.tasks import baseline_answers, metrics_of
from goldenpath.runs.fits import NO_FOLD, FitResults, TrainingRows
from goldenpath.schema.contract import Contract
from goldenpath.schema.targets import Scores, from_threshold_on


def require_all(folds: NDArray[np.intp], codes: NDArray[np.intp], contract: Contract) -> None:
    "Check that each outcome is in two folds, so that every fit sees it. Raises BadInput that names one."
    target, key = contract.target, contract.spec.key
    outcomes = target.outcomes or ("all",)
    for code in np.argsort(np.bincount(codes, minlength=len(outcomes))):  # the rarest first
        outcome, mine = outcomes[code], codes == code
        if len(np.unique(folds[mine])) < 2:
            same = f" of the same {key}" if key and mine.sum() > 1 else ""
            raise BadInput(
                f"{mine.sum()} training rows{same} have {target.column} = {outcome!r}: candidates need it in "
                "two folds at least; give more rows of it, or leave it out of the contract's outcomes"
            )


def spread_on_folds(scores: Sequence[Scores], rows: TrainingRows) -> dict[str, FoldSpread]:
    "Measure the scores of the rows that each fold holds out, in the order of the folds."
    metrics, target = metrics_of(rows.target), rows.target
    values: dict[str, list[float]] = {name: [] for name in COMPARED_BY[target.task]}
    for fold, answers in enumerate(scores):
        held_out = rows.folds == fold
        label = target.decide(answers, 0.5, from_threshold_on)
        measured = unweighted(Answers(rows.outcome[held_out], answers, label, rows.weight[held_out]))
        for name, figures in values.items():
            figures.append(float(metrics[name].of(measured)))
    return {
        name: FoldSpread(mean=float(np.mean(figures)), low=min(figures), high=max(figures))
        for name, figures in values.items()
        if np.isfinite(figures).all()
    }


def dummy_on_folds(rows: TrainingRows) -> dict[str, FoldSpread]:
    "Measure the answers that look at no column: rate, shares or mean of the other folds."
    scores = []
    for fold in np.unique(rows.folds):
        train, held_out = rows.folds != fold, rows.outcome[rows.folds == fold]
        blank = Answers(held_out, np.zeros(len(held_out)), np.zeros(len(held_out)))
        answers = baseline_answers(rows.target, blank, rows.outcome[train], rows.weight[train])
        scores.append(answers.probability)
    return spread_on_folds(scores, rows)


def entry_of(name: str, results: FitResults, rows: TrainingRows) -> CandidateEntry:
    "Measure one candidate by its fits, or say why it cannot be chosen."
    folds = range(int(rows.folds.max()) + 1)
    fits = [results.get((name, fold)) for fold in (*folds, NO_FOLD)]
    errors = [fit.error for fit in fits if fit and fit.error]
    if errors:
        return CandidateEntry(name=name, why_not=errors[0])
    done = [fit for fit in fits if fit]
    if len(done) < len(fits):
        return CandidateEntry(
            name=name, why_not=f"{len(done)} of {len(fits)} fits were done within train_seconds"
        )
    metrics = spread_on_folds([fit.scores for fit in done if fit.scores is not None], rows)
    defined = COMPARED_BY[rows.target.task][0] in metrics
    why_not = "" if defined else f"{COMPARED_BY[rows.target.task][0]} is not a number on some fold"
    return CandidateEntry(name=name, metrics=metrics, fit_seconds=done[-1].seconds, why_not=why_not)
