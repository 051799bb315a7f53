"""Which output each input of a batch has, and what is wrong with inputs and outputs, in one line."""

import os
from pathlib import Path

import pytest

from goldenpath.errors import BadInput
from goldenpath.tables.batch_plan import BatchFile, bytes_to_read, output_name, plan_batch
from goldenpath.tables.sources import mark_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    "in/ with a.csv, b.csv.gz and c.pq, and one that is no table; the files have a byte."
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "b.csv.gz", "c.pq", "notes.txt"):
        (tmp_path / "in" / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/x/a.csv", "a.csv"),
        ("/x/a.b.CSV.GZ", "a.b.csv"),
        ("c.pq", "c.parquet"),
        ("c.parquet", "c.parquet"),
        ("https://x/y/a.csv.gz?token=a/b", "a.csv"),
        ("s3://bucket/part-0001.parquet", "part-0001.parquet"),
    ],
)
def test_an_output_is_named_after_its_input(source: str, name: str) -> None:
    assert output_name(source) == name


@pytest.mark.parametrize("output", ["out", "out/", "out-2026.11"])
def test_a_folder_of_tables_goes_into_a_folder(output: str, folder: Path) -> None:
    plan = plan_batch(str(folder / "in"), f"{folder}/{output}")
    outputs = folder / output
    assert plan.is_folder
    assert plan.outputs == outputs
    assert plan.files == (
        BatchFile(str(folder / "in" / "a.csv"), outputs / "a.csv"),
        BatchFile(str(folder / "in" / "b.csv.gz"), outputs / "b.csv"),
        BatchFile(str(folder / "in" / "c.pq"), outputs / "c.parquet"),
    )
    assert bytes_to_read(plan.files) == [1, 1, 5]


@pytest.mark.parametrize("output", ["out/", "there"])
def test_one_file_goes_into_a_folder_that_is_there_or_ends_with_a_slash(output: str, folder: Path) -> None:
    (folder / "there").mkdir()
    plan = plan_batch(str(folder / "in" / "a.csv"), f"{folder}/{output}")
    assert plan.files == (BatchFile(str(folder / "in" / "a.csv"), folder / output / "a.csv"),)
    assert plan.is_folder


def test_one_file_goes_into_a_named_one(folder: Path) -> None:
    plan = plan_batch(f"{folder}/in/a.*", f"{folder}/x.parquet")
    assert (plan.is_folder, plan.files) == (False, (BatchFile(f"{folder}/in/a.*", folder / "x.parquet"),))


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("in/*.parquet", "out", r"in/\*\.parquet matches no file"),
        ("nothing", "out/", "nothing does not exist"),
        ("in", "in", "in is the folder of the input; name another folder as output"),
        ("in/*.csv", "link/", "link is the folder of the input"),
        ("in/a.csv", "in/", "in is the folder of the input"),
        ("**/*.csv", "out", r"out/a\.csv would be read as input next time .*; name another folder"),
        ("in*/*.csv", "out", r"in/a\.csv and .*in2/a\.csv would both be written as .*out/a\.csv; rename"),
        ("in3", "out", r"in3/a\.csv and .*in3/a\.csv\.gz would both be written as .*out/a\.csv; rename"),
        ("in4", "out", r"a\.csv and .*a\.rejected\.csv would both be written as .*out/a\.rejected\.csv"),
        ("in", "file", "file is a file; .*in goes into a folder: name another output"),
        ("in/a.csv", "out", r"out has no ending: write \.csv or \.parquet, or end it with / if"),
        ("in", "data", r"data/a\.csv would be among the training rows"),
    ],
)
def test_what_is_in_the_way_is_named(source: str, output: str, says: str, folder: Path) -> None:
    (folder / "link").symlink_to("in")
    (folder / "file").write_text("x")
    for name in ("in2/a.csv", "in3/a.csv", "in3/a.csv.gz", "in4/a.csv", "in4/a.rejected.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    if source == "**/*.csv":
        for name in ("in2", "in3", "in4"):
            for file in (folder / name).iterdir():
                file.unlink()
    with pytest.raises(BadInput, match=says):
        plan_batch(f"{folder}/{source}", f"{folder}/{output}", [f"{folder}/data"])


def test_a_mark_changes_with_size_and_time(folder: Path) -> None:
    file = folder / "in" / "a.csv"
    os.utime(file, ns=(1, 1))
    marks = [mark_of(str(file))]
    os.utime(file, ns=(2, 2))
    marks.append(mark_of(str(file)))
    file.write_text("xy")
    os.utime(file, ns=(2, 2))
    marks.append(mark_of(str(file)))
    assert marks == ["1 bytes, 1", "1 bytes, 2", "2 bytes, 2"]
    assert mark_of(str(folder / "none.csv")) == ""
    assert mark_of("memory://none.csv") == ""
