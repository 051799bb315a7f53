"""Make a profile: count the training rows by field, and the scores and losses of the validation rows.

A row counts as its weight says, because that many answers will be asked for. Whether a cell is large enough
to be shown is decided by rows, and by the persons that rows are about if the contract has a key.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.resampling import Ints
from goldenpath.feedback.profile import FieldProfile, Profile
from goldenpath.feedback.profiled_fields import (
    FieldRows,
    counting_weights,
    profile_number,
    profile_text,
)
from goldenpath.feedback.profiled_scores import Validated, decisions_of, profile_scores
from goldenpath.feedback.spread import spread_by_size
from goldenpath.schema.contract import Contract, column_as_seen
from goldenpath.schema.fields import FieldSpec

if TYPE_CHECKING:
    import pandas as pd


def profile_of(
    contract: Contract,
    train: "pd.DataFrame",  # clean training rows
    validated: Validated,
    rows: Mapping[str, int],  # of train, validation and test
    metrics: Mapping[str, Interval],  # on the test rows
    equal: Ints | None = None,  # how many equal rows each training row is; None: one each
) -> Profile:
    "Make the profile of a version. The key and the event time are left out: each new value is another one."
    validated = replace(validated, weight=counting_weights(validated.weight, validated.equal))
    scores = profile_scores(contract.spec, validated)
    labels, label_p = decisions_of(contract.target.outcomes, scores, validated)
    profile = Profile(
        task=contract.task,
        rows=dict(rows),
        fields=profile_fields(contract, train, equal),
        scores=scores,
        labels=labels,
        label_p=label_p,
        metrics=dict(metrics),
        spread={},
    )
    return profile.model_copy(update={"spread": spread_by_size(profile)})


def profile_fields(
    contract: Contract, train: "pd.DataFrame", equal: Ints | None = None
) -> tuple[FieldProfile, ...]:
    "Profile every field that the model sees."
    import pandas as pd

    persons = pd.factorize(train[contract.spec.key])[0] if contract.spec.key else None
    rows = FieldRows(counting_weights(contract.weights(train), equal), persons, equal)
    return tuple(profile_field(field, train[field.name], rows) for field in contract.spec.inputs)


def profile_field(field: FieldSpec, column: "pd.Series[Any]", rows: FieldRows) -> FieldProfile:
    "Profile one clean column."
    if not field.is_text:
        return profile_number(field.name, column_as_seen(field, column), rows)
    levels = [str(level) for level in column.cat.categories]
    return profile_text(field.name, levels, column.cat.codes.to_numpy().astype(int), rows)
