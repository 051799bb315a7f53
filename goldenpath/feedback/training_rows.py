"""Answered records whose outcome is known, as rows to train on: `source = feedback`."""

from typing import TYPE_CHECKING

import numpy as np

from goldenpath.errors import BadInput
from goldenpath.feedback.answer_tables import RECORD_PREFIX
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.joining import REQUEST, joined
from goldenpath.schema.contract import Contract
from goldenpath.schema.fields import some
from goldenpath.tables.feedback_source import FEEDBACK

if TYPE_CHECKING:
    import pandas as pd

    from goldenpath.tables.reader import Chunk

ROWS_AT_ONCE = 65_536


def answered_chunks(folder: FeedbackFolder, contract: Contract, needed: tuple[str, ...]) -> "list[Chunk]":
    """Return one row for each request with a known outcome, however many versions answered it.

    A row has the columns of a file that holds nothing but the contract's, so a split by hash places it as in
    such a file. It counts once (a weight is 1). Raises BadInput if no record is kept, or for a needed column
    that a record does not have.
    """
    import pyarrow as pa

    from goldenpath.tables.reader import Chunk

    require_answered_columns(contract, needed)
    rows = _answered(folder, contract)
    mixed = [
        name for name, kind in rows.dtypes.items() if kind == np.dtype(object)
    ]  # of contracts that differ
    texts = {str(name): rows[name].map(str, na_action="ignore") for name in mixed}
    table = pa.Table.from_pandas(rows.assign(**texts), preserve_index=False)
    numbers = np.arange(1, len(rows) + 1, dtype=np.int64)
    chunks: list[Chunk] = []
    for batch in table.to_batches(ROWS_AT_ONCE):
        start = sum(len(chunk.rows) for chunk in chunks)
        place = numbers[start : start + batch.num_rows]
        chunks.append(Chunk(FEEDBACK, place, batch, (), float(place[-1]) / len(rows)))
    return chunks


def require_answered_columns(contract: Contract, needed: tuple[str, ...]) -> None:
    "Raise BadInput if a column is needed, to split by, that a record does not have."
    spec = contract.spec
    there = {*(field.name for field in contract.fields), spec.target.column, spec.weight}
    if lacking := [name for name in needed if name not in there]:
        raise BadInput(
            f"source = {FEEDBACK}: answered records have no column {some(map(repr, lacking))}, which `split` "
            "needs; split by hash or by event_time"
        )


def _answered(folder: FeedbackFolder, contract: Contract) -> "pd.DataFrame":
    joint = joined(folder, contract)
    names = [field.name for field in contract.fields]
    kept = {name: f"{RECORD_PREFIX}{name}" for name in names if f"{RECORD_PREFIX}{name}" in joint.rows}
    required = [field.name for field in contract.fields if not field.optional]
    recorded = joint.rows.iloc[:0]
    if {*required} <= {*kept}:
        recorded = joint.rows.dropna(subset=[kept[name] for name in required])
    rows = recorded[recorded["outcome"].notna()]
    if not len(rows):
        raise BadInput(
            f"source = {FEEDBACK}: of {len(joint.rows):,} answers in {folder.answers}, {len(recorded):,} "
            "have their record, and none of these has a known outcome; set `feedback = records` for the "
            "server, and take outcomes in with `goldenpath outcomes FILE`"
        )
    rows = rows.drop_duplicates([*REQUEST, *kept.values()])
    columns = {name: rows[column] for name, column in kept.items()}
    columns[contract.target.column] = rows["outcome"]
    if contract.spec.weight:
        columns[contract.spec.weight] = rows["time"].notna().astype(np.float64)
    return rows.assign(**columns)[[*columns]].reset_index(drop=True)
