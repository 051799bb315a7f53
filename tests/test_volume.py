"""The primitive: a complete folder appears under its name, or not."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenpath.errors import RaceLost, VolumeFault
from goldenpath.volume import (
    CHUNK,
    STAGING,
    make_folders,
    move,
    move_all,
    place,
    read_file,
    replace_file,
    write_file,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    "Return what is made, written, synced and renamed, in order; a staged name is `staged`."
    calls: list[str] = []

    def note(name: str, path_of: Callable[..., object]) -> None:
        operation = getattr(os, name)

        def noted(*arguments, **named):
            file = Path(str(path_of(*arguments))).name
            calls.append(f"{name} {'staged' if file.startswith(STAGING) else file}")
            return operation(*arguments, **named)

        monkeypatch.setattr(os, name, noted)

    for name in ("write", "fsync"):
        note(name, lambda descriptor, *_: os.readlink(f"/proc/self/fd/{descriptor}"))
    for name in ("rename", "replace"):
        note(name, lambda _, destination: destination)
    note("mkdir", lambda path, *_: path)
    return calls


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
    with pytest.raises(RaceLost, match="another process was first"):
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


def test_every_file_and_folder_is_durable_before_the_name_appears(tmp_path: Path, calls: list[str]) -> None:
    def fill(folder: Path) -> None:
        write_file(folder / "one", b"1")
        write_file(folder / "two", b"2")

    place(tmp_path / "a", fill)
    *files, _, _, _ = synced = [call for call in calls if call.startswith(("fsync", "rename"))]
    assert sorted(files) == ["fsync one", "fsync two"]
    assert synced[2:] == ["fsync staged", "rename a", f"fsync {tmp_path.name}"]


def test_every_missing_folder_above_is_durable(tmp_path: Path, calls: list[str]) -> None:
    make_folders(tmp_path / "a" / "b")
    assert calls == ["mkdir a", f"fsync {tmp_path.name}", "mkdir b", "fsync a"]


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


def test_a_replaced_file_is_durable_before_it_has_its_name(tmp_path: Path, calls: list[str]) -> None:
    replace_file(tmp_path / "file", b"one")
    calls.clear()
    replace_file(tmp_path / "file", b"two")
    assert calls == ["write staged", "fsync staged", "replace file", f"fsync {tmp_path.name}"]
    assert (tmp_path / "file").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["file"]


def test_a_replacement_that_fails_half_way_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file(tmp_path / "sub" / "file", b"old")
    write, room = os.write, [CHUNK]

    def fill_the_disk(descriptor: int, content: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content[: room.pop()])

    monkeypatch.setattr(os, "write", fill_the_disk)
    with pytest.raises(VolumeFault, match="No space left on device"):
        replace_file(tmp_path / "sub" / "file", bytes(2 * CHUNK))
    assert (tmp_path / "sub" / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path / "sub") == ["file"]


def test_a_file_is_replaced_although_its_folder_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, taken = os.replace, []

    def late(source: Path, destination: Path) -> None:
        if not taken:
            taken.append(destination.parent.rename(tmp_path / "aside"))
        replace(source, destination)

    monkeypatch.setattr(os, "replace", late)
    replace_file(tmp_path / "sub" / "file", b"new")
    assert (tmp_path / "sub" / "file").read_bytes() == b"new"


def test_many_folders_are_moved_durably_with_one_sync_of_each_parent(
    tmp_path: Path, calls: list[str]
) -> None:
    for name in "abc":
        place(tmp_path / "from" / name, fill_with(name))
    calls.clear()
    moves = [(tmp_path / "from" / name, tmp_path / "to" / name) for name in "axbc"]
    assert [path.name for path in move_all(moves)] == ["a", "b", "c"]  # another process has taken x away
    assert calls[:2] == ["mkdir to", f"fsync {tmp_path.name}"]
    assert calls[2:] == ["rename a", "rename b", "rename c", "fsync from", "fsync to"]


def test_a_move_from_a_volume_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(VolumeFault, match=r"gone/a: No such file.*is still mounted"):
        move(tmp_path / "gone" / "a", tmp_path / "a")
