"""Training rows of many numbers: read a block at a time into a file of float32, which all processes map.

A number loses what a compiled model, which takes float32, would not see either; the fitted pipeline rounds
what it is asked in the same way (`ROUNDED` in `inference.engines`). Small tables are fitted as they are.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.inference.engines import frame_of
from goldenpath.records import Columns, Layout
from goldenpath.schema.contract import Contract, column_as_seen
from goldenpath.tables.some_rows import number_of_rows
from goldenpath.volume import faults

WIDE = 5_000_000  # numbers of all rows together from which on they are read into a file
FEWEST_WIDE = 100_000  # of such a table: each column is handled by itself
READ_ROWS = 65_536  # rows that are read
DISTINCT = 10_000  # steps that float32 must leave between the lowest and the highest number of a column


def is_wide(rows: int, layout: Layout) -> bool:
    "Check whether a table has so many numbers that copies of them count."
    return rows >= FEWEST_WIDE and rows * len(layout.number) >= WIDE


@dataclass(frozen=True)
class NumbersFile:
    "A file of numbers, one column after the other."

    path: Path
    names: tuple[str, ...]
    rows: int
    kind: str  # float32, or float64 where a column would lose too much
    stays: bool = True  # do only processes of this machine need it?

    def frame(self, text: Any) -> Any:  # pandas.DataFrame, (n, text + number)
        "Put the mapped numbers behind text columns, without a copy."
        import pandas as pd

        mapped = np.memmap(self.path, self.kind, "r", shape=(len(self.names), self.rows))
        numbers = pd.DataFrame(np.asarray(mapped).T, columns=list(self.names), copy=False)
        return pd.concat([text, numbers], axis=1) if len(text.columns) else numbers


@dataclass(frozen=True)
class WideTable:
    "What of the training rows is in memory, and where the rest is."

    frame: Any  # pandas.DataFrame, (n, text + number) as a pipeline takes it; numbers are mapped
    numbers: NumbersFile


@dataclass(frozen=True)
class TrainingTable:
    "How training rows are read, and where their numbers are."

    read: Callable[[], Any]  # returns a clean frame; of a wide table only outcome, key and weight
    complete: Callable[[Any], tuple[Any, Mapping[str, NDArray[Any]]]]  # takes what was kept of that frame;
    # returns the frame of a pipeline, and the columns as the contract reads them
    numbers: NumbersFile | None = None  # of a wide table


@contextmanager
def training_table(
    source: Path,
    read: "Callable[[list[str] | None], Any]",  # takes names of columns, returns a clean frame
    contract: Contract,
    complete: Callable[[Columns], Columns],  # the model's own `enriched`
    layout: Layout,
    elsewhere: bool = False,  # are they fitted on other machines, too?
) -> Iterator[TrainingTable]:
    "Open the training rows: in memory, or with many numbers in a file. Raises as `wide_table` does."
    if not is_wide(number_of_rows(source), layout):

        def completed(rows: Any) -> tuple[Any, Columns]:
            columns = contract.columns(rows)
            return frame_of(complete(columns), layout), columns

        yield TrainingTable(lambda: read(None), completed)
        return
    answers = [contract.target.column, contract.spec.key, contract.spec.weight]
    with wide_table(source, contract, complete, layout, elsewhere) as table:
        columns = columns_of_file(read, contract)
        yield TrainingTable(
            lambda: read(list(filter(None, answers))), lambda _: (table.frame, columns), table.numbers
        )


@contextmanager
def wide_table(
    source: Path,  # Parquet, of clean rows
    contract: Contract,
    complete: Callable[[Columns], Columns],  # the model's own `enriched`
    layout: Layout,
    elsewhere: bool = False,  # are they fitted on other machines, too?
) -> Iterator[WideTable]:
    "Hold the rows while the block is open. Raises BadInput if there is no room for the file, VolumeFault."
    with tempfile.TemporaryDirectory(prefix="goldenpath-") as folder:
        with faults(source):
            table = write_numbers(source, contract, complete, layout, Path(folder) / "numbers")
        yield replace(table, numbers=replace(table.numbers, stays=not elsewhere))


def write_numbers(
    source: Path, contract: Contract, complete: Callable[[Columns], Columns], layout: Layout, file: Path
) -> WideTable:
    "Write the numbers of all rows, as float32 if each column stays what it is."
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as opened:
        rows = int(opened.metadata.num_rows)
        for kind in ("float32", "float64"):
            blocks = (
                frame_of(complete(contract.columns(batch.to_pandas())), layout)
                for group in range(opened.num_row_groups)  # of several, Arrow keeps what it has read
                for batch in opened.iter_batches(READ_ROWS, row_groups=[group])
            )
            texts, kept = _write(blocks, layout, rows, kind, file)
            if kept:
                break
    pa.default_memory_pool().release_unused()
    numbers = NumbersFile(file, layout.number, rows, kind)
    return WideTable(numbers.frame(pd.concat(texts, ignore_index=True)), numbers)


def _write(
    blocks: Iterator[Any], layout: Layout, rows: int, kind: str, file: Path
) -> tuple[list[Any], bool]:  # text columns of each block; does this kind of number keep enough of each?
    size, at, texts = np.dtype(kind).itemsize, 0, []
    ends = np.full((2, len(layout.number)), np.nan)
    with file.open("wb", buffering=0) as stream:
        for block in blocks:
            values = block[list(layout.number)].to_numpy()
            for place, column in enumerate(values.astype(kind).T):
                _put(stream, (place * rows + at) * size, column.tobytes())
            ends[0] = np.fmin(ends[0], np.fmin.reduce(values))
            ends[1] = np.fmax(ends[1], np.fmax.reduce(values))
            texts.append(block[list(layout.text)])
            at += len(block)
    return texts, kind == "float64" or bool(stay_apart(*ends).all())


def _put(stream: FileIO, place: int, content: bytes) -> None:
    "Write at a place. Raises BadInput, at once and not when the file is closed."
    try:
        stream.seek(place)
        while content:
            content = content[stream.write(content) :]  # a write may be cut short
    except OSError as fault:
        folder = f"{Path(str(stream.name)).parent} ({fault.strerror})"
        raise BadInput(
            f"cannot write the numbers of the training rows to {folder}; "
            "set TMPDIR to a folder with more room"
        ) from None


def stay_apart(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:  # (k,)
    "Check that float32 leaves enough steps between the lowest and the highest number of each column."
    with np.errstate(over="ignore", invalid="ignore"):
        step = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32)).astype(np.float64)
        enough = (step * DISTINCT <= high - low) | ((low == high) & np.isfinite(step))
    return np.asarray(enough | np.isnan(low))


@dataclass(frozen=True)
class ByColumn(Mapping[str, NDArray[Any]]):
    "Columns that are made when they are asked for: all of them together would be another copy."

    names: Sequence[str]
    make: Callable[[str], NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def columns_of_file(
    read: "Callable[[list[str] | None], Any]",  # takes names, returns a pandas.DataFrame
    contract: Contract,
) -> ByColumn:
    "Return the columns as the contract reads them, each read when it is asked for."
    fields = {field.name: field for field in contract.spec.readable}
    return ByColumn(tuple(fields), lambda name: column_as_seen(fields[name], read([name])[name]))


def columns_of_frame(frame: Any) -> ByColumn:
    "Return the columns of a frame, numbers as float64."
    return ByColumn(
        tuple(frame), lambda name: frame[name].to_numpy(dtype=None if frame[name].dtype == object else float)
    )
