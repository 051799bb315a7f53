"""The files of a batch: one input, an output and its rejected rows, none of them in the way of another."""

from collections.abc import Iterator, Sequence
from itertools import chain, product
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.tables.ahead import read_ahead
from goldenpath.tables.reader import Chunk, read_chunks
from goldenpath.tables.sources import covers, find_files
from goldenpath.tables.whole_file import ending


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
        raise BadInput(f"{source} is {len(files)} files; a batch scores one: call it once for each")
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


def refuse_training_rows(places: Sequence[str], output: Path) -> None:
    "Check the output's place. Raises BadInput if the next training run would read it or fail to choose."
    for path, place in product((output, rejected_beside(output)), places):
        if covers(place, path):
            raise BadInput(f"{path} would be among the training rows ({place}); write to another folder")
