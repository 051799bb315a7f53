"""What moved: the fields and scores of one window beside the version's own data, and the change in words."""

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.intervals import wilson
from goldenpath.feedback.counts import FieldCounts
from goldenpath.feedback.drift import Distances, drift_of
from goldenpath.feedback.estimate import estimate_of
from goldenpath.feedback.monitor import Drift, Window
from goldenpath.feedback.profile import FieldProfile, Profile
from goldenpath.feedback.windows import JUDGED, Stretch

BURST = 0.01  # share by which missing, unseen or outside values must exceed those of the training rows


def window_of(stretch: Stretch, profile: Profile | None) -> Window:
    "Return what counts say of one stretch of time, beside the profile if there is one."
    counts = stretch.counts
    window = Window(
        start=stretch.start.isoformat(),
        end=stretch.end.isoformat(),
        answers=counts.answers,
        refused=counts.refused,
        refusals=counts.refusals,
        labels=counts.labels,
    )
    if profile is None or not counts.answers:
        return window
    distances = drift_of(profile, counts)
    fields = {field.name: field for field in profile.fields if f"drift:{field.name}" in distances}
    drift = {
        name: field_drift(distances[f"drift:{name}"], field, counts.fields[name])
        for name, field in fields.items()
    }
    scores = {
        score.name: drift_from(distances[f"score:{score.name}"])
        for score in profile.scores
        if f"score:{score.name}" in distances
    }
    estimated = estimate_of(profile, counts) if counts.answers >= JUDGED else {}
    return window.model_copy(update={"drift": drift, "scores": scores, "estimated": estimated})


def field_drift(distances: Distances, field: FieldProfile, counts: FieldCounts) -> Drift:
    "Return how far a field moved, with the change in words."
    drift = drift_from(distances).model_copy(update={"change": largest_change(field, counts)})
    if distances.answers < JUDGED:
        return drift
    return drift.model_copy(update={"burst": bursts(field, counts), "lost": lost_level(field, counts)})


def drift_from(distances: Distances) -> Drift:
    "Keep of the distances what a report shows; few answers have no limit."
    return Drift(
        distance=distances.jensen_shannon,
        limit=distances.limit if distances.answers >= JUDGED else None,
        stability=distances.stability,
        chi_square=distances.chi_square,
        kolmogorov_smirnov=distances.kolmogorov_smirnov,
        missing=distances.missing,
        unseen=distances.unseen,
        outside=distances.outside,
        outside_limit=distances.outside_limit,
    )


def bursts(field: FieldProfile, counts: FieldCounts) -> tuple[str, ...]:
    "Name what there is clearly more of than in the training rows: missing, unseen, outside."
    trained = sum(field.counts) + field.missing
    answered = sum(counts.cells) + counts.missing
    if not trained or not answered:
        return ()
    rare = field.counts[-1] if field.is_text else 0  # training rows beyond the levels
    kinds = {
        "missing": (counts.missing, field.missing),
        "unseen": (counts.unseen, rare),
        "outside": (counts.outside, field.outside),
    }
    return tuple(name for name, pair in kinds.items() if exceeds(pair[0], answered, pair[1], trained))


def lost_level(field: FieldProfile, counts: FieldCounts) -> str:
    "Name the commonest level that does not occur any more, though chance does not explain it; or nothing."
    rows, answers = sum(field.counts) + field.missing, sum(counts.cells) + counts.missing
    if field.levels is None or not answers or len(counts.cells) != len(field.counts):
        return ""
    absent = [place for place in range(len(field.levels)) if not counts.cells[place]]
    place = max(absent, key=lambda place: field.counts[place], default=None)
    if place is None or not exceeds(field.counts[place], rows, 0, answers):
        return ""
    return field.levels[place]


def exceeds(part: int, whole: int, reference: int, rows: int) -> bool:
    "Check that one share is above another by more than `BURST`, and by more than chance."
    low = wilson(np.array([float(part)]), np.array([float(whole)]))[0][0]
    high = wilson(np.array([float(reference)]), np.array([float(rows)]))[1][0]
    return bool(low > high + BURST)


def shares_of(cells: tuple[int, ...], missing: int) -> NDArray[np.float64]:  # (k + 1,)
    "Return the share of each cell, and last that of the missing values."
    counts = np.array([*cells, missing], dtype=float)
    return np.asarray(counts / max(counts.sum(), 1.0))


def largest_change(field: FieldProfile, counts: FieldCounts) -> str:
    "Name the cell whose share changed most: `80+ Years 5.2% -> 0.0%`."
    before, now = shares_of(field.counts, field.missing), shares_of(counts.cells, counts.missing)
    if len(before) != len(now):
        return ""
    cell = int(np.abs(now - before).argmax())
    return f"{cell_name(field, cell)} {100 * before[cell]:.1f}% -> {100 * now[cell]:.1f}%"


def cell_name(field: FieldProfile, cell: int) -> str:
    "Name a cell of a field as a person would."
    if cell == len(field.counts):
        return "missing"
    if field.levels is not None:
        return field.levels[cell] if cell < len(field.levels) else "other levels"
    edges = [f"{edge:g}" for edge in field.edges]
    if not edges:
        return "all values"
    if cell == 0:
        return f"up to {edges[0]}"
    return f"above {edges[-1]}" if cell == len(edges) else f"{edges[cell - 1]} to {edges[cell]}"
