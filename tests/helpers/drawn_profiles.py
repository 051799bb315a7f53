"""The profile of a version that a test fitted on drawn records."""

from collections import Counter

import numpy as np

from goldenpath.feedback.cells import place_probabilities
from goldenpath.feedback.profile import QUANTITY, FieldProfile, Profile, ScoreProfile, score_names
from goldenpath.records import Columns
from goldenpath.schema.spec import ContractSpec


def profile_of_columns(
    spec: ContractSpec,
    columns: Columns,
    scores: np.ndarray,  # (n,) or (n, k)
    labels: list[str],  # empty for a quantity
) -> Profile:
    "Return the profile of a model: levels of texts, quartiles of numbers and of scores."
    rows = len(scores)
    fields = tuple(
        (text_profile if field.is_text else number_profile)(field.name, columns[field.name])
        for field in spec.inputs
    )
    each = scores.reshape(rows, -1).T
    return Profile(
        task=spec.target.task,
        rows={"train": rows, "validation": rows, "test": rows},
        fields=fields,
        scores=tuple(score_profile(name, one) for name, one in zip(score_names(spec), each, strict=True)),
        labels=dict(Counter(labels)),
        metrics={},
        spread={},
    )


def score_profile(name: str, scores: np.ndarray) -> ScoreProfile:
    edges = tuple(np.unique(np.quantile(scores, (0.25, 0.5, 0.75))).tolist()) if name == QUANTITY else ()
    starts = tuple(range(len(edges) + 1)) if edges else (0, 250, 500, 750)
    cells = np.searchsorted(edges, scores) if edges else place_probabilities(scores)
    groups = np.searchsorted(starts, cells, side="right") - 1
    counts = np.bincount(groups, minlength=len(starts))
    means = np.bincount(groups, weights=scores, minlength=len(starts)) / np.maximum(counts, 1)
    return ScoreProfile(
        name=name, edges=edges, starts=starts, counts=tuple(counts.tolist()), means=tuple(means.tolist())
    )


def text_profile(name: str, column: np.ndarray) -> FieldProfile:
    values = column.tolist()
    levels = {value: times for value, times in Counter(values).items() if value and times >= 5}
    counts = (*levels.values(), sum(map(bool, values)) - sum(levels.values()))
    return FieldProfile(name=name, levels=tuple(levels), counts=counts, missing=values.count(""))


def number_profile(name: str, values: np.ndarray) -> FieldProfile:
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75)))
    places = np.searchsorted(edges, known)
    return FieldProfile(
        name=name,
        edges=tuple(edges.tolist()),
        lowest=float(known.min()),
        highest=float(known.max()),
        counts=tuple(np.bincount(places, minlength=len(edges) + 1).tolist()),
        missing=len(values) - len(known),
    )
