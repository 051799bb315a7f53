"""The files of a batch: one input, an output and its rejected rows, none of them in the way of another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from goldenpath.errors import BadInput
from goldenpath.tables.ahead import read_ahead, write_behind
from goldenpath.tables.formulas import without_formulas
from goldenpath.tables.reader import Chunk, read_chunks
from goldenpath.tables.sources import covers, find_files
from goldenpath.tables.whole_file import ending, whole_table

Pieces: TypeAlias = tuple[pa.RecordBatch, pa.RecordBatch]  # scored rows, and the problems of others


def rejected_beside(output: Path) -> Path:
    "Return the file of rejected rows: `scores.rejected.csv` for `scores.csv`."
    return output.with_name(f"{output.stem}.rejected{output.suffix}")


def open_input(
    source: str,  # one CSV or Parquet file: a path or a URL
    output: Path,
    required: tuple[str, ...],  # columns that the input must have
) -> tuple[Chunk, Iterator[Chunk]]:  # the first chunk, and all of them
    "Check input and output before the work starts. Raises BadInput if one of them doesn't fit."
    files = find_files(source)
    if len(files) > 1:
        raise BadInput(f"{source} is {len(files)} files: name a folder as output, which gets one for each")
    ending(output)  # raises if it cannot be written
    for path in (output, rejected_beside(output)):
        if covers(files[0], path):
            raise BadInput(f"{path} is the input itself; name another output")
        if covers(source, path):
            raise BadInput(f"{path} would be read as input next time ({source}); name another output")
    chunks = read_ahead(read_chunks(files[0], required))
    first = next(chunks, None)
    if first is None:
        raise BadInput(f"{source} has a header but no rows")
    return first, chain([first], chunks)


def first_row(chunk: Chunk) -> Chunk:
    "Return the chunk with its first row alone, which shows the types of all."
    return replace(chunk, rows=chunk.rows[:1], batch=chunk.batch.slice(0, 1), ragged=())


@contextmanager
def open_outputs(
    output: Path,
    first: Chunk,  # of the input
    pieces: Pieces,  # of its first row: the number of the row, the input's columns, and the answers
    for_spreadsheet: bool = False,  # no cell of a .csv that a spreadsheet would run as a formula
) -> Iterator[Callable[[Pieces], None]]:
    "Yield what writes pieces into the output and the file of rejected rows; a thread does so."
    guarded = without_formulas if for_spreadsheet and ending(output) == ".csv" else lambda batch: batch
    scored, problems = map(guarded, pieces)
    places = map(first.batch.schema.names.index, first.texts)
    texts = {"label", "version", *(scored.schema.names[place + 1] for place in places)}
    rejected = rejected_beside(output)
    with whole_table(output, scored.schema, texts) as keep, whole_table(rejected, problems.schema) as reject:

        def write(pieces: Pieces) -> None:
            keep(guarded(pieces[0]))
            reject(guarded(pieces[1]))

        with write_behind(write) as hand_on:
            yield hand_on


def refuse_training_rows(places: Sequence[str], output: Path) -> None:
    "Check the output's place. Raises BadInput if the next training run would read it or fail to choose."
    for path, place in product((output, rejected_beside(output)), places):
        if covers(place, path):
            raise BadInput(f"{path} would be among the training rows ({place}); write to another folder")
