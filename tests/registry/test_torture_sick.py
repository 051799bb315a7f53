"""A sick volume: whoever writes is told what is wrong in one line, and what was published still answers."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath import volume
from goldenpath.cli import cli
from goldenpath.errors import NotTrusted, VolumeFault
from goldenpath.predict import open_predictor
from goldenpath.registry.registry import Registry
from goldenpath.volume import STAGING
from tests.helpers import serving_fixtures
from tests.helpers.candidates import make_candidate
from tests.helpers.registries import sweep
from tests.helpers.requirements import needs
from tests.helpers.serving_fixtures import MODEL

BY = {"who": "ada", "why": "a test"}
MEGABYTE = 1 << 20
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="mounts and other users are for root")


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a real candidate, to be published and to answer."
    folder = tmp_path_factory.mktemp("real") / "candidate"
    serving_fixtures.make_candidate(folder, 1, True, model=MODEL)
    return folder


@pytest.fixture
def small_disk(champion: Path) -> Iterator[Path]:
    "Yield a tmpfs of 3 MB with a champion on it."
    folder = Path(tempfile.mkdtemp(prefix="goldenpath-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], capture_output=True)
    needs(
        "fuse", mounted.returncode == 0, f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}"
    )
    try:
        with_champion(folder, champion)
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def another(folder: Path, number: int, padding: int = 0) -> Path:
    "Return a candidate of the next code."
    return make_candidate(folder, number, model=MODEL, model_version="2.0.0", padding=padding)


def with_champion(home: Path, candidate: Path) -> Registry:
    registry = Registry(home, MODEL)
    registry.promote(registry.publish(candidate), **BY)
    return registry


def still_answers(home: Path) -> None:
    "Check that the champion loads and that all versions verify."
    registry = Registry(home, MODEL)
    assert open_predictor(registry).path == "onnx"
    for version in registry.versions():
        registry.verify(version)


# Full


@needs_root
def test_a_full_disk_refuses_a_version_and_keeps_the_others(small_disk: Path, tmp_path: Path) -> None:
    registry = Registry(small_disk, MODEL)
    big = another(tmp_path / "big", 2, padding=4 * MEGABYTE)
    with pytest.raises(
        VolumeFault, match=r"No space left on device; free some space \(`goldenpath models gc`"
    ):
        registry.publish(big)
    assert [name for name in os.listdir(registry.root / "versions") if name.startswith(STAGING)] == []
    still_answers(small_disk)
    registry.promote(registry.publish(another(tmp_path / "small", 3)), **BY)


@needs_root
def test_a_disk_without_a_byte_left_refuses_a_role_and_keeps_the_champion(
    small_disk: Path, tmp_path: Path
) -> None:
    registry = Registry(small_disk, MODEL)
    version = registry.versions()[0]
    fill(small_disk)
    with pytest.raises(VolumeFault, match="No space left on device"):
        registry.promote(version, **BY)
    with pytest.raises(VolumeFault, match="No space left on device"):
        registry.save_contrast(version, {"rows": 1})
    assert registry.roles().number == 1
    still_answers(small_disk)
    (small_disk / "filling").unlink()
    assert sweep(registry.root) == []
    assert registry.promote(version, **BY).number == 2


def fill(disk: Path) -> None:
    "Write until nothing fits any more."
    free = os.statvfs(disk).f_bavail
    with (disk / "filling").open("wb", buffering=0) as file:
        for _ in range(free):
            file.write(bytes(os.statvfs(disk).f_bsize))
    assert os.statvfs(disk).f_bavail == 0


@needs_root
def test_the_command_line_says_it_in_one_line_with_exit_code_1(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = Registry(small_disk, MODEL).versions()[0]
    fill(small_disk)
    monkeypatch.setenv("GOLDENPATH_HOME", str(small_disk))
    words = ["models", "promote", version, "--why", "a test", "--unproven"]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 1
    assert result.output.startswith(f"error: {small_disk}/models/")
    assert result.output.count("\n") == 1


# Read-only, denied


@needs_root
def test_a_read_only_volume_still_serves_and_says_why_nothing_can_be_written(
    small_disk: Path, tmp_path: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    registry = Registry(small_disk, MODEL)
    with pytest.raises(VolumeFault, match="Read-only file system; mount the volume for writing"):
        registry.publish(another(tmp_path / "c", 2))
    with pytest.raises(VolumeFault, match="Read-only file system"):
        registry.withdraw(registry.versions()[0], **BY)
    still_answers(small_disk)


DENIED = """
import os, sys
from pathlib import Path
from goldenpath.errors import VolumeFault
from goldenpath.registry.registry import Registry
registry = Registry(Path(sys.argv[1]), "covid-death")
version = registry.versions()[0]
registry.verify(version)
os.setgroups([]); os.setgid(4242); os.setuid(4242)
registry.verify(registry.resolve("champion"))
try:
    registry.promote(version, who="mallory", why="a test")
except VolumeFault as fault:
    print(fault)
"""


@needs_root
def test_who_may_not_write_may_read_and_is_told_which_path(small_disk: Path) -> None:
    small_disk.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", DENIED, str(small_disk)], capture_output=True, text=True, check=True
    )
    roles = small_disk / "models" / MODEL / "roles"
    assert done.stdout.startswith(f"{roles}/{STAGING}")
    assert "Permission denied; ask for group write permission" in done.stdout
    still_answers(small_disk)


# Vanishing, failing reads


def test_a_file_that_vanishes_from_a_version_is_named(
    home: Path, champion: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 0.1)
    registry = with_champion(home, champion)
    version = registry.resolve("champion")
    (registry.folder(version) / "model.skops").unlink()
    with pytest.raises(NotTrusted, match=r"model.skops is missing; publish the version again"):
        registry.verify(version)
    (registry.folder(version) / "manifest.json").unlink()
    with pytest.raises(NotTrusted, match=r"manifest.json is missing; publish the version again"):
        Registry(home, MODEL).verify(version)


def test_a_volume_that_vanishes_is_said_and_comes_back(home: Path, champion: Path) -> None:
    registry = with_champion(home, champion)
    predictor = open_predictor(registry)
    home.rename(home.with_name("unmounted"))
    with pytest.raises(VolumeFault, match="shows entry 0 after 1: look whether the volume"):
        registry.roles()
    assert predictor.scores(serving_fixtures.columns_of_json(serving_fixtures.CONTRACT.spec, rows())).size
    home.with_name("unmounted").rename(home)
    still_answers(home)


def rows() -> list[dict]:
    return serving_fixtures.records(3, seed=9)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_read_that_fails_is_a_fault_of_the_volume_with_a_way_out(
    home: Path, champion: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    registry = with_champion(home, champion)
    version = registry.versions()[0]
    read = os.read

    def failing(descriptor: int, length: int) -> bytes:
        if str(home) in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        return read(descriptor, length)

    monkeypatch.setattr(os, "read", failing)
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 0.1)
    fresh = Registry(home, MODEL)
    for look in (fresh.roles, lambda: fresh.verify(version), lambda: fresh.publish(fresh.folder(version))):
        with pytest.raises(VolumeFault, match=f"{home}.*{os.strerror(number)}; (the|look)"):
            look()
    monkeypatch.undo()
    still_answers(home)


def test_a_read_that_fails_once_is_read_again(
    home: Path, champion: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = with_champion(home, champion)
    read, failures = os.read, [errno.EIO, errno.ESTALE]

    def failing_twice(descriptor: int, length: int) -> bytes:
        if failures:
            raise OSError(failures.pop(), "again")
        return read(descriptor, length)

    monkeypatch.setattr(os, "read", failing_twice)
    assert registry.roles().number == 1
    assert failures == []


def test_a_write_that_fails_half_way_leaves_nothing(
    home: Path, champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = with_champion(home, champion)
    candidate = another(tmp_path / "c", 2)
    write, left = os.write, [3]

    def failing(descriptor: int, content: bytes) -> int:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", failing)
    with pytest.raises(VolumeFault, match="Input/output error; the volume fails"):
        registry.publish(candidate)
    monkeypatch.undo()
    assert os.listdir(registry.root / "versions") == [registry.resolve("champion")]
    still_answers(home)


def test_a_volume_that_loses_a_written_file_is_found_out_before_the_version_appears(
    home: Path, champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = with_champion(home, champion)
    candidate = another(tmp_path / "c", 2)
    write = os.write

    def losing(descriptor: int, content: bytes) -> int:
        return write(descriptor, bytes(len(content)))  # zeros, as after a lost block

    monkeypatch.setattr(os, "write", losing)
    with pytest.raises(NotTrusted, match=r"manifest.json is not JSON|was altered"):
        registry.publish(candidate)
    monkeypatch.undo()
    assert len(registry.versions()) == 1
