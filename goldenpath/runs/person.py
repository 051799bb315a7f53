"""Runs whose rows include a person: a run never changes, so they are named for someone to delete."""

from pathlib import Path
from typing import Any

from goldenpath.runs.run import find_record, list_runs
from goldenpath.tables.split import SIDES

SIDE_FILES = tuple(f"{side}.parquet" for side in SIDES)


def runs_with_key(
    folder: Path,  # of all runs
    column: str,  # of the key
    key: str,  # as text
) -> list[str]:  # ids
    "List the runs whose own training, validation or test rows hold a key."
    return [
        run.name
        for run in list_runs(folder)
        if any(_holds_key(run / "data" / name, column, key) for name in SIDE_FILES)
    ]


def runs_with_answers(
    folder: Path,  # of all runs
) -> list[str]:  # ids
    "List the runs whose own rows include answered records, of which no id is kept."
    return [run.name for run in list_runs(folder) if find_record(run, "data/summary.json").get("answered")]


def _holds_key(file: Path, column: str, key: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        if column not in pq.read_schema(file).names:
            return False
        keys: Any = pq.read_table(file, columns=[column])[column]
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(pc.any(pc.equal(keys.cast(pa.string()), key)).as_py())
