"""The answers that workers wrote, as one table; closed files become Parquet when they are read.

The serving image has no pyarrow, so workers leave lines of JSON behind. Readers turn a closed file into
Parquet as a whole; several may do it at once, because all of them write the same rows under the same name.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import from_json, to_json

from goldenpath.errors import VolumeFault
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import ABANDONED, OPEN_LINES, close_lines, opened_at
from goldenpath.volume import complete, explain, replace_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

JsonLine: TypeAlias = dict[str, Any]
RECORD_PREFIX = "record_"  # of the columns of the record, whose names may be those of the answer as well
ANSWER_COLUMNS = ("id", "key", "time", "version", "role")
_AS_TEXT = {"id", "key", "version", "role", "label"}
_MARGIN = timedelta(seconds=ABANDONED)  # a file that was opened before midnight holds answers after it


@dataclass(frozen=True)
class AnswersRead:
    "The answers of a folder, and why some lines or files were skipped."

    rows: "pd.DataFrame"  # ANSWER_COLUMNS, label and scores as in a scored file, `record_` and each field
    problems: tuple[str, ...]


def read_answers(
    folder: FeedbackFolder,
    since: datetime | None = None,  # with a time zone
    until: datetime | None = None,  # exclusive
    version: str = "",  # empty: all
    short: bool = False,  # ANSWER_COLUMNS alone, in a fraction of the memory
) -> AnswersRead:
    """Read what all workers wrote, sorted by time and id.

    Closed files become Parquet if the folder is writable. A line or file that is half-written or foreign is
    skipped and named.
    """
    import pandas as pd

    frames: list[pd.DataFrame] = []
    problems: list[str] = []
    for path in answer_files(folder.answers, since, until):
        table, problem = table_in(path, short)
        problems += [problem] if problem else []
        if table is not None and table.num_rows:
            frames.append(_selected(table.to_pandas(), since, until, version))
    frames = [frame for frame in frames if len(frame)]
    rows = pd.concat(frames, ignore_index=True) if frames else table_of([]).to_pandas()
    identity = ["time", "id", "version", "role"]
    rows = rows.drop_duplicates(identity).sort_values(identity, kind="stable", ignore_index=True)
    return AnswersRead(rows, tuple(problems))


def _selected(
    rows: "pd.DataFrame", since: datetime | None, until: datetime | None, version: str
) -> "pd.DataFrame":
    if since is not None:
        rows = rows[rows["time"] >= since]
    if until is not None:
        rows = rows[rows["time"] < until]
    return rows[rows["version"] == version] if version else rows


def answer_files(
    folder: Path, since: datetime | None = None, until: datetime | None = None
) -> list[Path]:  # sorted by the time at which they were opened
    "List the files that may hold answers of these days; of a file in two forms, the Parquet one."
    first = f"{since - _MARGIN:%Y-%m-%d}" if since else ""
    last = f"{until:%Y-%m-%d}" if until else "~"
    days = [folder / day for day in complete(folder) if first <= day <= last and (folder / day).is_dir()]
    return [path for day in days for path in _preferred(day)]


def _preferred(day: Path) -> list[Path]:
    stems: dict[str, Path] = {}
    for name in complete(day):  # `.jsonl` and `.open.jsonl` sort before `.parquet`
        stems[name.removesuffix(".parquet").removesuffix(".jsonl").removesuffix(".open")] = day / name
    return [stems[stem] for stem in sorted(stems)]


def table_in(path: Path, short: bool = False) -> "tuple[pa.Table | None, str]":
    "Return the answers in a file, and what is wrong with it; closed lines become Parquet on the way."
    try:
        if path.suffix == ".parquet":
            return read_parquet(path, short), ""
        path = closed_if_abandoned(path)
        lines, problem = lines_in(path, is_answer)
        table = table_of(list(chain.from_iterable(map(flat_rows, lines))))
    except FileNotFoundError:  # closed or cleaned away meanwhile
        return _under_another_name(path, short)
    except OSError as fault:
        return None, explain(fault, path)
    except (ValueError, TypeError, AttributeError, OverflowError) as fault:  # Arrow's are ValueErrors
        return None, f"{path} holds no answers ({type(fault).__name__}); it was skipped: remove it"
    if not path.name.endswith(OPEN_LINES):
        to_parquet(path, table)
    return table.select(ANSWER_COLUMNS) if short else table, problem


def read_parquet(path: Path, short: bool = False) -> "pa.Table":
    "Read a Parquet file of answers. Raises OSError, and ValueError for another content."
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.ParquetFile(BytesIO(path.read_bytes())).read([*ANSWER_COLUMNS] if short else None)
    if missing := {*ANSWER_COLUMNS} - {*table.column_names}:
        raise ValueError(f"lacks {missing}")
    for name in ANSWER_COLUMNS:
        kind = pa.timestamp("us", tz="UTC") if name == "time" else pa.string()
        table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    return table


def _under_another_name(path: Path, short: bool) -> "tuple[pa.Table | None, str]":
    "Read a file that was closed, or became Parquet, while the folder was listed."
    stem = path.name.removesuffix(".jsonl").removesuffix(".open")
    for other in (path.with_name(f"{stem}.jsonl"), path.with_name(f"{stem}.parquet")):
        if other != path and other.exists():
            return table_in(other, short)
    return None, ""


def closed_if_abandoned(path: Path) -> Path:
    "Give an open file, whose writer must be gone by now, the name of a closed one. Raises OSError."
    if not path.name.endswith(OPEN_LINES) or opened_at(path) > time.time() - ABANDONED:
        return path
    with suppress(OSError):  # of a reader that may not write
        return close_lines(path) or path
    return path


def lines_in(path: Path, is_good: Callable[[Any], bool]) -> tuple[list[JsonLine], str]:
    "Parse a file of JSON lines, and say how many are half-written or foreign. Raises OSError."
    *whole, rest = path.read_bytes().split(b"\n")
    try:
        parsed = from_json(b"[" + b",".join(whole) + b"]")
    except ValueError:
        parsed = [_parsed(line) for line in whole]
    lines = [line for line in parsed if is_good(line)]
    count = len(whole) + bool(rest)
    bad = count - len(lines)
    return lines, f"{path}: {bad} of {count} lines are half-written or foreign; they were skipped" * bool(bad)


def _parsed(line: bytes) -> Any:
    try:
        return from_json(line)
    except ValueError:
        return None


def is_answer(line: Any) -> bool:
    "Is this what a worker writes for one reply?"
    if not isinstance(line, dict) or not isinstance(line.get("time"), int):
        return False
    return all(isinstance(line.get(name), str) for name in ("id", "version", "role"))


def flat_rows(line: JsonLine) -> list[JsonLine]:
    "Return a reply to one record as one row, and a reply to many as a row for each: `ID/0`, `ID/1` and on."
    common = {name: line[name] for name in ("time", "version", "role")}
    if "predictions" not in line:
        return [{"id": line["id"], **common, **_flat(line, line.get("record"))}]
    records = line.get("record") or repeat(None)
    pairs = enumerate(zip(line["predictions"], records, strict=False))
    return [{"id": f"{line['id']}/{place}", **common, **_flat(*pair)} for place, pair in pairs]


def _flat(answer: JsonLine, record: JsonLine | None) -> JsonLine:
    row: JsonLine = {} if answer.get("key") is None else {"key": to_json(answer["key"]).decode()}
    row |= {name: answer[name] for name in ("label", "probability", "value", "low", "high") if name in answer}
    for level, probability in answer.get("probabilities", {}).items():
        row[f"probability_{level}"] = probability
    return row | {f"{RECORD_PREFIX}{name}": value for name, value in (record or {}).items()}


def table_of(rows: Sequence[JsonLine]) -> "pa.Table":
    "Put rows into columns. Raises ValueError, TypeError, OverflowError for values that no writer writes."
    import pyarrow as pa

    names = dict.fromkeys((*ANSWER_COLUMNS, *chain.from_iterable(rows)))
    return pa.table({name: _column(name, [row.get(name) for row in rows]) for name in names})


def _column(name: str, values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    if name == "time":
        return pa.array(values, pa.timestamp("us", tz="UTC"))
    if name in _AS_TEXT:
        return pa.array(values, pa.string())
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {int, float} and (float in kinds or None in values):
        return pa.array(values, pa.float64())
    if len(kinds) > 1:  # of contracts that differ
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values)


def to_parquet(path: Path, table: "pa.Table") -> None:
    "Put a Parquet file in the place of closed lines; a folder that is read-only or full keeps the lines."
    with suppress(VolumeFault, OSError):
        content = parquet_bytes(table)
        if path.exists():  # else another process did it, or the rows were erased
            replace_file(path.with_suffix(".parquet"), content)
            path.unlink(missing_ok=True)


def parquet_bytes(table: "pa.Table") -> bytes:
    "Return a table as the content of a Parquet file."
    import pyarrow.parquet as pq

    content = BytesIO()
    pq.write_table(table, content, compression="zstd")
    return content.getvalue()
