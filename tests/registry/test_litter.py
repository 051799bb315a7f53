"""What dead writers leave, and how things are deleted."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from goldenpath.errors import VolumeFault
from goldenpath.registry import litter
from goldenpath.registry.litter import abandoned, delete, remove, remove_all
from goldenpath.volume import STAGING, complete, place, write_file
from tests.helpers.registries import sweep
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


def fail_to_delete(path: Path) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_what_is_deleted_has_lost_its_name_before_its_first_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        place(tmp_path / name, fill_with(name))
    monkeypatch.setattr(shutil, "rmtree", fail_to_delete)
    with pytest.raises(VolumeFault, match="Permission denied; ask for group write permission"):
        delete([tmp_path / "a", tmp_path / "b"])
    monkeypatch.undo()
    assert complete(tmp_path) == []
    assert [path.name.partition("~")[2] for path in abandoned(tmp_path, -MINUTE)] in (["a", "b"], ["b", "a"])


def test_two_who_delete_the_same_folder_both_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path / "a", fill_with("a"))
    write_file(tmp_path / "a" / "more", b"x")
    rmtree = shutil.rmtree

    def met(path: Path) -> None:
        monkeypatch.undo()
        (path / "more").unlink()  # the other one is quicker by a file that this one has listed
        raise FileNotFoundError(2, "No such file or directory", str(path / "more"))

    monkeypatch.setattr(shutil, "rmtree", met)
    remove(tmp_path / "a")
    assert rmtree is shutil.rmtree
    assert os.listdir(tmp_path) == []


def test_a_folder_that_never_goes_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path / "a", fill_with("a"))

    def vanished(path: Path) -> None:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(shutil, "rmtree", vanished)
    with pytest.raises(VolumeFault, match="a: No such file or directory"):
        remove(tmp_path / "a")


def test_a_link_is_deleted_and_not_followed(tmp_path: Path) -> None:
    place(tmp_path / "kept", fill_with("kept"))
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove_all([tmp_path / "link", tmp_path / "never was"])
    assert os.listdir(tmp_path) == ["kept"]


def test_deleting_many_folders_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("goldenpath.tables.progress.EVERY", -1.0)
    for name in "abc":
        place(tmp_path / name, fill_with(name))
    delete(sorted(tmp_path.iterdir()))
    assert capsys.readouterr().err.splitlines() == [f"deleting: {done} of 3" for done in range(3)]
    assert litter.AT_ONCE > 1
