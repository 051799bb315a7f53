"""The primitive: a complete folder appears under its name, or not."""

import os
import stat
from pathlib import Path

import pytest

from goldenpath.errors import RaceLost, VolumeFault
from goldenpath.volume import place, read_file, replace_file, write_file


def fill_with(text: str):
    return lambda folder: write_file(folder / "content", text.encode())


def test_a_placed_folder_is_complete_read_only_and_writable_for_the_group(tmp_path: Path) -> None:
    place(tmp_path / "a" / "b", fill_with("hello"))
    assert (tmp_path / "a" / "b" / "content").read_text() == "hello"
    assert stat.S_IMODE((tmp_path / "a" / "b" / "content").stat().st_mode) == 0o444
    assert [stat.S_IMODE((tmp_path / p).stat().st_mode) for p in ("a", "a/b")] == [0o775, 0o775]
    assert os.listdir(tmp_path / "a") == ["b"]


def test_the_second_on_a_name_loses_and_leaves_nothing_behind(tmp_path: Path) -> None:
    place(tmp_path / "a", fill_with("first"))
    with pytest.raises(RaceLost, match="somebody else was first"):
        place(tmp_path / "a", fill_with("second"))
    assert (tmp_path / "a" / "content").read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def test_an_empty_folder_is_refused_because_its_rename_has_no_single_winner(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would be empty"):
        place(tmp_path / "a", lambda folder: None)
    assert os.listdir(tmp_path) == []


def test_what_fails_while_it_is_filled_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write_file(folder / "content", b"half")
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        place(tmp_path / "a", fail)
    assert os.listdir(tmp_path) == []


def test_every_file_and_folder_is_durable_before_the_name_appears(tmp_path: Path, monkeypatch) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name.replace(staged[0], "staged"))
        fsync(descriptor)

    def noted_rename(source: Path, destination: Path) -> None:
        done.append("rename")
        rename(source, destination)

    staged: list[str] = []
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)

    def fill(folder: Path) -> None:
        staged.append(folder.name)
        write_file(folder / "one", b"1")
        write_file(folder / "two", b"2")

    place(tmp_path / "a", fill)
    before, after = done[: done.index("rename")], done[done.index("rename") + 1 :]
    assert sorted(before[:-1]) == ["one", "two"]
    assert before[-1] == "staged"
    assert after == [tmp_path.name]


def test_a_rename_whose_answer_was_lost_still_counts_as_won(tmp_path: Path, monkeypatch) -> None:
    rename = os.rename

    def repeated(source: Path, destination: Path) -> None:
        rename(source, destination)
        rename(source, destination)  # what an NFS client does when the server's answer is lost

    monkeypatch.setattr(os, "rename", repeated)
    place(tmp_path / "a", fill_with("mine"))
    assert (tmp_path / "a" / "content").read_text() == "mine"


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(VolumeFault, match=f"{tmp_path}/a.*look at the volume"):
        place(tmp_path / "a" / "b", fill_with("x"))


def test_a_read_is_bounded_and_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(100))
    (tmp_path / "link").symlink_to(tmp_path / "big")
    os.mkfifo(tmp_path / "pipe")
    assert read_file(tmp_path / "big", 100) == bytes(100)
    with pytest.raises(OSError, match="larger than 99 bytes"):
        read_file(tmp_path / "big", 99)
    with pytest.raises(OSError, match="symbolic links"):
        read_file(tmp_path / "link", 100)
    with pytest.raises(OSError, match="not a regular file"):
        read_file(tmp_path / "pipe", 100)


def test_a_replaced_file_is_the_last_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    replace_file(tmp_path / "sub" / "file", b"one")
    replace_file(tmp_path / "sub" / "file", b"two")
    assert (tmp_path / "sub" / "file").read_bytes() == b"two"
    assert os.listdir(tmp_path / "sub") == ["file"]
