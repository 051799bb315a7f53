"""Many writers, two user ids of one group, two mounts of one network file system, and readers meanwhile."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from goldenpath.registry.registry import Registry
from tests.helpers.candidates import make_candidate
from tests.helpers.fuse_mount import Mounts, open_folder
from tests.helpers.registries import history_of, sweep
from tests.helpers.requirements import needs
from tests.helpers.writers import MODEL

USERS = (1001, 1002)
GROUP = 2000


@pytest.fixture
def shared(mounts: Mounts, tmp_path: Path, patient: None) -> Mounts:
    "Return a home that the group can write, seen through both mounts."
    needs("fuse", os.getuid() == 0, "only root can start programs as two other users")
    home = mounts.first / tmp_path.name
    home.mkdir()
    os.chown(home, 0, GROUP)
    home.chmod(0o2775)
    return Mounts(home, mounts.seen_on(mounts.second, home))


def start(stack: ExitStack, *words: object) -> subprocess.Popen[str]:
    "Return a writer or reader, which does not outlive the test."
    command = [sys.executable, "-m", "tests.helpers.writers", *map(str, words)]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    "Return its last line."
    output, _ = process.communicate(timeout=1700)
    assert process.returncode == 0
    return dict(json.loads(output))


def many_writers(shared: Mounts, writers: int, each: int) -> dict[str, Any]:
    "Let them write and read at once; what came of it, measured and checked."
    homes = [shared.first, shared.second]
    with open_folder() as scratch, ExitStack() as stack:
        for number in range(1, writers * each + 1):
            make_candidate(scratch / str(number), number)
        started = time.monotonic()
        reading = [start(stack, "read", home, scratch, USERS[0], GROUP, scratch / "stop") for home in homes]
        writing = [
            start(stack, "write", homes[n % 2], scratch, USERS[n // 2 % 2], GROUP, n * each + 1, each)
            for n in range(writers)
        ]
        wrote = [finish(writer) for writer in writing]
        seconds = time.monotonic() - started
        (scratch / "stop").touch()
        seen = [finish(reader) for reader in reading]
    check(shared, writers * each)
    return {"seconds": round(seconds, 1), "tries": sum(w["tries"] for w in wrote), "seen": seen}


def check(shared: Mounts, count: int) -> None:
    "Everything is there, on both mounts, without a gap or a double."
    for home in (shared.first, shared.second):
        registry = Registry(home, MODEL)
        versions = registry.versions()
        assert len(versions) == count
        assert {registry.verify(version).version for version in versions} == set(versions)
        history = history_of(registry)
        assert [entry.number for entry in history] == list(range(1, count + 1))
        assert [entry.made_from for entry in history] == list(range(count))
        assert {entry.champion for entry in history} == set(versions)
    owners = {Registry(shared.first, MODEL).folder(version).stat().st_uid for version in versions}
    assert owners == set(USERS)
    assert sweep(Registry(shared.second, MODEL).root) == []


def nobody_saw_anything_wrong(result: dict[str, Any]) -> None:
    for reader in result["seen"]:
        assert reader["errors"] == []
        assert reader["backwards"] == 0
        assert reader["looks"] > 10


def test_a_few_writers_and_readers_on_two_mounts(shared: Mounts) -> None:
    result = many_writers(shared, writers=4, each=4)
    nobody_saw_anything_wrong(result)


@pytest.mark.slow(seconds=40)
def test_eight_writers_publish_200_versions_and_make_200_role_changes(shared: Mounts) -> None:
    result = many_writers(shared, writers=8, each=25)
    print(json.dumps(result))
    nobody_saw_anything_wrong(result)
