"""Files of outcomes: taken in by content, so that the same one counts once, and read back as one table."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenpath.errors import BadInput
from goldenpath.feedback.answer_tables import lines_in, parquet_bytes
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcomes import (
    OUTCOME_COLUMNS,
    OutcomeRow,
    microseconds,
    outcome_names,
    read_outcome,
)
from goldenpath.records import Frozen
from goldenpath.schema.contract import Contract
from goldenpath.volume import complete, explain, replace_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class OutcomesTaken(Frozen):
    "What was taken in from one file, folder or URL."

    file: str  # name below the folder of outcomes
    rows: int  # read
    taken: int
    unknown: int  # among those taken: known to be unknown
    rejected: dict[str, int]  # rows by reason
    already: bool  # was the same taken in before?


def take_outcomes(
    folder: FeedbackFolder, contract: Contract, source: str, now: datetime | None = None
) -> OutcomesTaken:
    """Check the rows of a CSV or Parquet file, and store those that keep the contract.

    A row without `known` became known now. What is stored has the name of its content, so the same rows are
    taken in once, as CSV or as Parquet. Raises BadInput if the source cannot be read or no row can be used,
    VolumeFault.
    """
    outcomes, rejected = checked_outcomes(contract, source)
    if not outcomes:
        reasons = "; ".join(f"{reason} ({count:,} rows)" for reason, count in rejected.most_common(3))
        raise BadInput(f"{source}: no row can be used: {reasons or 'it has a header but no rows'}")
    content = b"".join(sorted(repr(tuple(row)).encode() for row in set(outcomes)))
    path = folder.outcomes / f"{hashlib.sha256(content).hexdigest()}.parquet"
    already = path.exists()
    if not already:
        replace_file(path, parquet_bytes(outcome_table(outcomes, microseconds(now or datetime.now(UTC)))))
    return OutcomesTaken(
        file=path.name,
        rows=len(outcomes) + rejected.total(),
        taken=len(outcomes),
        unknown=sum(row.outcome is None for row in outcomes),
        rejected=dict(rejected.most_common()),
        already=already,
    )


def checked_outcomes(contract: Contract, source: str) -> tuple[list[OutcomeRow], Counter[str]]:
    "Read and check all rows; those that cannot be used are counted by reason."
    from goldenpath.tables.reader import read_source

    outcomes: list[OutcomeRow] = []
    rejected: Counter[str] = Counter()
    for chunk in read_source(source, ()):
        names = outcome_names(contract, tuple(chunk.batch.schema.names))
        wanted = [name for name in names.all if name in chunk.batch.schema.names]
        rejected["has too few or too many cells"] += len(chunk.ragged)
        for row in chunk.batch.select(wanted).to_pylist():
            try:
                outcomes.append(read_outcome(contract, names, row))
            except BadInput as fault:
                rejected[str(fault)] += 1
    return outcomes, +rejected


def outcome_table(outcomes: Sequence[OutcomeRow], taken: int) -> "pa.Table":
    "Put outcomes into columns; those without `known` became known when they were taken in."
    import pyarrow as pa

    moment, columns = pa.timestamp("us", tz="UTC"), tuple(zip(*outcomes, strict=True)) or ((),) * 5
    kinds = (pa.string(), pa.string(), moment, pa.string(), moment)
    values = (*columns[:4], [taken if value is None else value for value in columns[4]])
    arrays = [pa.array(column, kind) for column, kind in zip(values, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(OUTCOME_COLUMNS))


def read_outcomes(folder: FeedbackFolder) -> "tuple[pd.DataFrame, tuple[str, ...]]":
    "Read everything that was taken in: OUTCOME_COLUMNS, and what was skipped."
    import pyarrow as pa

    tables: list[pa.Table] = []
    problems: list[str] = []
    for path in outcome_files(folder.outcomes):
        try:
            table, problem = read_outcome_file(path)
        except FileNotFoundError:  # cleaned away meanwhile
            continue
        except OSError as fault:
            problems.append(explain(fault, path))
        except (ValueError, TypeError, KeyError, OverflowError) as fault:
            problems.append(f"{path} holds no outcomes ({type(fault).__name__}); it was skipped: remove it")
        else:
            tables.append(table)
            problems += [problem] if problem else []
    return pa.concat_tables(tables or [outcome_table((), 0)]).to_pandas(), tuple(problems)


def outcome_files(folder: Path) -> list[Path]:
    "List the files that were taken in, and those that servers wrote, which are in folders by day."
    return [path for name in complete(folder) for path in _with_children(folder / name)]


def _with_children(path: Path) -> Iterable[Path]:
    return [path / name for name in complete(path)] if path.is_dir() else [path]


def read_outcome_file(path: Path) -> "tuple[pa.Table, str]":
    "Read one file. Raises OSError, and ValueError, TypeError, KeyError or OverflowError for another content."
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        empty = outcome_table((), 0)
        with pa.BufferReader(path.read_bytes()) as content:
            return pq.ParquetFile(content).read(columns=empty.column_names).cast(empty.schema), ""
    lines, problem = lines_in(path, is_outcome)
    return outcome_table(
        [OutcomeRow(*(line[name] for name in OUTCOME_COLUMNS)) for line in lines], 0
    ), problem


def is_outcome(line: Any) -> bool:
    "Is this what a server writes for one outcome?"
    return isinstance(line, dict) and line.keys() == {*OUTCOME_COLUMNS} and isinstance(line["known"], int)
