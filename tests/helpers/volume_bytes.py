"""Search a volume for a text: in the bytes of every file, and in what Parquet files hold compressed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def files_with(folder: Path, text: str) -> list[str]:
    "Name the files below a folder that hold a text in any form, hidden ones included."
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if text in path.name or text in _content(path)]


def _content(path: Path) -> str:
    raw = path.read_bytes().decode("latin-1")
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else None
    except (pa.ArrowInvalid, OSError):
        table = None
    return raw if table is None else raw + str(table.to_pylist())
