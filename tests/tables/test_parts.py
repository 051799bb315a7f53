"""A file read in parts has the rows, numbers and ragged rows that it has when it is read whole."""

import random
from pathlib import Path

import pandas as pd
import pytest

from goldenpath.errors import BadInput
from goldenpath.tables import parts
from goldenpath.tables.parts import FilePart, file_parts, read_part
from goldenpath.tables.reader import Chunk, as_strings, read_chunks
from tests.tables.test_unchanged import awkward_file

Rows = list[tuple[int, tuple[str, ...] | int]]  # number, and the cells, or how many a ragged row has

PIECES = (
    '"',
    '""',
    ",",
    "\n",
    "\r\n",
    "a",
    "b c",
    '"x"',
    '"x\ny"',
    ",,",
    "é",
    'x"y',
    '\n"q,\n""r"',
    "1,2,3\n",
)


def rows_in(chunks: list[Chunk], offset: int = 0) -> Rows:
    rows: Rows = []
    for chunk in chunks:
        cells = zip(*(column.to_pylist() for column in as_strings(chunk.batch).columns), strict=True)
        rows += zip((chunk.rows + offset).tolist(), cells, strict=True)
        rows += [(row + offset, count) for row, count in chunk.ragged]
    return sorted(rows, key=lambda row: row[0])


def in_parts(file: str, size: int) -> Rows:
    rows: Rows = []
    for part in file_parts(file, size):
        rows += rows_in(list(read_part(part)), len(rows))
    return rows


def whole(file: str) -> Rows:
    return rows_in(list(read_chunks(file)))


@pytest.mark.parametrize("block", [13, 4_000, 2**20])
@pytest.mark.parametrize("size", [1, 300, 70_000])
def test_an_awkward_file_has_the_same_rows_in_parts(
    size: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "SCANNED", block)
    file = awkward_file(tmp_path / "rows.csv")
    if size == 1:  # every row is a part
        Path(file).write_bytes(b"\n".join(Path(file).read_bytes().split(b"\n")[:60]))
    assert in_parts(file, size) == whole(file)


def test_quotes_anywhere_do_not_move_a_border_into_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, divided = random.Random(7), 0
    for turn in range(400):
        monkeypatch.setattr(parts, "SCANNED", dice.randint(1, 40))
        file = tmp_path / f"{turn}.csv"
        body = "".join(dice.choices(PIECES, k=dice.randint(1, 40)))
        file.write_text(f"a,b,c\n{body}\n", "utf-8", newline="")
        assert in_parts(str(file), dice.randint(1, 30)) == whole(str(file)), body
        divided += len(file_parts(str(file), 10)) > 1
    assert divided > 200


def test_row_groups_of_parquet_are_parts_and_keep_the_numbers_of_their_rows(tmp_path: Path) -> None:
    file = str(tmp_path / "rows.parquet")
    pd.DataFrame({"a": [f"{n}" for n in range(1_000)]}).to_parquet(file, row_group_size=90)
    assert len(file_parts(file, 200 * parts.ROW_BYTES)) == 4
    assert in_parts(file, 200 * parts.ROW_BYTES) == whole(file)


def test_a_part_is_named_by_its_file_and_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n" + "1,2\n" * 1_000)
    assert [str(part) for part in file_parts(str(file), 3_000)] == [
        "rows.csv, bytes 0 to 3,004",
        "rows.csv, bytes 3,004 to 4,004",
    ]
    assert str(FilePart("x.parquet", 2, 4)) == "x.parquet, row groups 2 to 3"
    assert file_parts("s3://bucket/x.csv", 10) == [FilePart("s3://bucket/x.csv")]


def test_a_file_that_is_no_table_says_so_before_it_is_divided(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"PAR1 and more")
    with pytest.raises(BadInput, match="is a Parquet file; rename it"):
        file_parts(str(file), 10)
