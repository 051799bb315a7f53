"""The rows of an awkward file keep their hashes, sides, values and reasons of rejection."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenpath.steps.data import side_of
from goldenpath.tables import reader
from goldenpath.tables.reader import read_source
from goldenpath.tables.split import parse_split
from goldenpath.tables.triage import SortedChunk, sort_chunk
from tests.helpers.contracts import VISITS

ROWS = 3_000
UNCHANGED = "edb09c531c9361a1b0fd137d08fceed7796242b4885480b5b9254716f65c1616"
AWKWARD = (  # cells of `patient`, `day`, `ward`, `visits`, `stay`, as a CSV file may hold them
    "{n},2024-01-{day:02},north,{few},{n}",
    '"{n}, the ""younger""\nof two",2024/01/{day:02},south,{few}.0,{n}.5',
    " {n} ,2024-01-{day:02}T00:00:00,north, {few},1e{few}",
    "{n},2024-01-{day:02} 00:00,south,{few},-0",
    "",
    "{n},2024-02-31,north,{few},{n}",
    "{n},2024-01-{day:02},east,{few},nan",
    "patient é{n},2024-01-{day:02},north,many,{n}",
    "{n},2024-01-{day:02},north",
    "{n},2024-01-{day:02},north,{few},{n},more",
    ",2024-01-{day:02},north,{few},",
    "007,2024-01-03,north,2,7",
)


def awkward_file(path: Path) -> str:
    lines = [AWKWARD[n % len(AWKWARD)].format(n=n, day=n % 28 + 1, few=n % 5) for n in range(ROWS)]
    ends = ["\r\n" if n % 5 == 0 else "\n" for n in range(ROWS)]
    text = "\ufeffpatient, day ,ward,visits,stay\n" + "".join(map("".join, zip(lines, ends, strict=True)))
    path.write_text(text, "utf-8", newline="")
    return str(path)


def digest(chunks: list[SortedChunk]) -> str:
    "Hash everything that came out, in order, and independent of how rows were put into chunks."
    frames = [pd.concat([getattr(chunk, part) for chunk in chunks]) for part in ("clean", "rejected")]
    clean, rejected = frames
    clean = clean.assign(**{name: clean[name].astype(str) for name in clean}).reset_index(names="row")
    rejected = rejected.astype(str).sort_values(["row", "column"], key=lambda column: column.astype(str))
    parts = [frame.to_csv(index=False).encode() for frame in (clean, rejected.drop(columns="file"))]
    parts += [
        np.concatenate([getattr(chunk, part) for chunk in chunks]).tobytes() for part in ("hashes", "sides")
    ]
    counts = str([sum(getattr(chunk, part) for chunk in chunks) for part in ("read", "set_aside")])
    return sha256(b"|".join([*parts, counts.encode()])).hexdigest()


@pytest.mark.parametrize("block", [1_000, 2**20])
def test_rows_of_an_awkward_file_keep_their_hashes_sides_and_reasons(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CSV_BLOCK", block)
    source = awkward_file(tmp_path / "rows.csv")
    split = parse_split("hash 0.6 0.2 0.2")
    chunks = [sort_chunk(chunk, VISITS, split, side_of) for chunk in read_source(source, ())]
    assert sum(len(chunk.clean) for chunk in chunks) > ROWS / 6
    assert digest(chunks) == UNCHANGED
