"""Profiles of a few counts, for tests that need no training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.feedback.cells import Cells
from goldenpath.feedback.counts import Counts, ScoreCounts
from goldenpath.feedback.profile import FieldProfile, Profile, ScoreProfile


def small_profile() -> Profile:
    "Return the profile of a model of two outcomes with a text field and a number."
    colour = FieldProfile(name="colour", levels=("red", "blue"), counts=(60, 30, 10))
    age = FieldProfile(name="age", edges=(30, 60), lowest=18, highest=90, counts=(40, 35, 20), missing=5)
    score = ScoreProfile(name="yes", starts=(0, 300, 600), counts=(50, 30, 20), means=(0.1, 0.4, 0.8))
    return Profile(
        task="binary",
        rows={"train": 100, "validation": 100, "test": 100},
        fields=(colour, age),
        scores=(score,),
        labels={"no": 80, "yes": 20},
        metrics={},
        spread={},
    )


def counted_scores(profile: Profile, scores: NDArray[Any], codes: NDArray[Any]) -> Counts:
    "Count scores and decisions as a server does."
    cells, p = Cells(profile).scores(scores), Cells(profile).probabilities(scores)
    names = [score.name for score in profile.scores]
    columns = [(cells[:, at], p[:, at]) for at in range(len(names))] if scores.ndim > 1 else [(cells, p)]
    labels = {name: codes == at for at, name in enumerate(names)} if scores.ndim > 1 else {names[0]: codes}
    return Counts(
        version="1",
        role="champion",
        hour="2026-11-28T12",
        writer="w",
        answers=len(scores),
        scores={name: _by_cell(*column) for name, column in zip(names, columns, strict=True)},
        labels={name: int(called.sum()) for name, called in labels.items()},
        label_p={
            name: float(p[c].sum() if scores.ndim == 1 else p[c, at].sum())
            for at, (name, c) in enumerate(labels.items())
        },
    )


def _by_cell(cells: NDArray[Any], p: NDArray[Any]) -> ScoreCounts:
    n, total = np.bincount(cells), np.bincount(cells, p)
    return ScoreCounts(
        n={int(c): int(n[c]) for c in np.flatnonzero(n)},
        p={int(c): float(total[c]) for c in np.flatnonzero(n)},
    )
