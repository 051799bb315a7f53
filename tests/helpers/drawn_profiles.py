"""The profile of a version that a test fitted on drawn records."""

from collections import Counter

import numpy as np

from goldenpath.feedback.cells import place_probabilities
from goldenpath.feedback.profile import FieldProfile, Profile, ScoreProfile
from goldenpath.records import Columns
from goldenpath.schema.spec import ContractSpec


def profile_of_columns(
    spec: ContractSpec, columns: Columns, scores: np.ndarray, labels: list[str]
) -> Profile:
    "Return the profile of a model of two outcomes: levels of texts, and quartiles of numbers."
    rows = len(scores)
    fields = [
        text_profile(field.name, columns[field.name].tolist()) for field in spec.inputs if field.is_text
    ]
    numbers = [number_profile(field.name, columns[field.name]) for field in spec.inputs if not field.is_text]
    by_name = {field.name: field for field in (*fields, *numbers)}
    starts = (0, 250, 500, 750)
    groups = np.searchsorted(starts, place_probabilities(scores), side="right") - 1
    score = ScoreProfile(
        name=spec.target.outcomes[1],
        starts=starts,
        counts=tuple(np.bincount(groups, minlength=4).tolist()),
        means=(0.1, 0.3, 0.6, 0.9),
    )
    return Profile(
        task="binary",
        rows={"train": rows, "validation": rows, "test": rows},
        fields=tuple(by_name[field.name] for field in spec.inputs),
        scores=(score,),
        labels=dict(Counter(labels)),
        metrics={},
        spread={},
    )


def text_profile(name: str, values: list[str]) -> FieldProfile:
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
