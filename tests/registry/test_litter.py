"""What dead writers leave, and how things are deleted."""

import os
from datetime import timedelta
from pathlib import Path

from goldenpath.registry.litter import abandoned, sweep
from goldenpath.volume import STAGING, complete, place, write_file
from tests.test_volume import fill_with

MINUTE = timedelta(minutes=1)


def test_staged_folders_are_not_listed_and_swept_when_old(tmp_path: Path) -> None:
    place(tmp_path / "a", fill_with("x"))
    (tmp_path / f"{STAGING}dead").mkdir()
    write_file(tmp_path / f"{STAGING}dead" / "half", b"x")
    assert complete(tmp_path) == ["a"]
    assert abandoned(tmp_path, MINUTE) == []
    for path in (tmp_path / f"{STAGING}dead" / "half", tmp_path / f"{STAGING}dead"):
        os.utime(path, (0, 0))
    assert [path.name for path in sweep(tmp_path, MINUTE)] == [f"{STAGING}dead"]
    assert os.listdir(tmp_path) == ["a"]


def test_a_staged_folder_whose_files_still_grow_is_not_abandoned(tmp_path: Path) -> None:
    staged = tmp_path / f"{STAGING}alive"
    staged.mkdir()
    write_file(staged / "growing", b"x")
    os.utime(staged, (0, 0))
    assert abandoned(tmp_path, MINUTE) == []
