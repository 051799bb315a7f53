"""How much each field matters to a model: what the answers lose if its values are shuffled over the rows.

This is permutation importance (L. Breiman, Machine Learning 45, 2001), with row weights. It says what the
model uses, not what causes the outcome.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.resampling import drawn_places
from goldenpath.records import Frozen

if TYPE_CHECKING:
    import pandas as pd

SHUFFLES = 10  # of each field
ASKED = 200_000  # records that the model is asked about in all: about 1.3 s for a forest of 100 trees
FEWEST_SHUFFLED = 200  # however many fields there are


class FieldLoss(Frozen):
    "What the shuffles of one field cost."

    mean: float
    low: float  # of the shuffle that cost least
    high: float


class Importance(Frozen):
    "What each field is worth: how far a metric falls if the field's values are shuffled."

    metric: str  # of which more is better
    rows: int  # validation rows that were asked about
    available: int  # validation rows
    shuffles: int  # of each field
    fields: dict[str, FieldLoss]  # the largest loss first


def sample_rows(
    rows: "pd.DataFrame",
    fields: int,  # that are shuffled
    seed: int,
    count: NDArray[np.intp] | None = None,  # how many equal rows each is; None: one each
) -> "pd.DataFrame":
    "Draw as many rows as the model can be asked about in a second or two; all of them if they are few."
    most = max(ASKED // (max(fields, 1) * SHUFFLES), FEWEST_SHUFFLED)
    if count is None or int(count.sum()) == len(rows):
        return rows if len(rows) <= most else rows.sample(most, random_state=seed)
    return rows.iloc[drawn_places(count, most, np.random.default_rng(seed))]


def importance_of(
    metric: str,
    losses: Mapping[str, NDArray[np.float64]],  # (shuffles,) by field
    rows: int,
    available: int,
) -> Importance | None:  # None: the rows do not define the metric
    "Order the fields by what their shuffles cost on average."
    if not all(np.isfinite(costs).all() for costs in losses.values()):
        return None
    ordered = sorted(losses, key=lambda name: -losses[name].mean())
    spreads = {name: losses[name] for name in ordered}
    return Importance(
        metric=metric,
        rows=rows,
        available=available,
        shuffles=SHUFFLES,
        fields={
            name: FieldLoss(mean=float(costs.mean()), low=float(costs.min()), high=float(costs.max()))
            for name, costs in spreads.items()
        },
    )
