"""Death at every step: whoever publishes and promotes may be killed at any file operation."""

from datetime import timedelta
from pathlib import Path

import pytest

from goldenpath.registry.registry import Keys, Registry
from goldenpath.volume import STAGING
from tests.helpers.fuse_mount import Mounts
from tests.helpers.interruptions import Ending, Interrupter, Meeting
from tests.helpers.registries import history_of, sweep
from tests.helpers.sudden_death import BY, MODEL


def with_an_old_champion(home: Path, program: Interrupter) -> Path:
    "Return a home in which something is published and champion."
    registry = Registry(home, MODEL, program.keys)
    registry.promote(registry.publish(program.candidates / "old"), **BY)
    return home


def check_publishing(seen: Path, program: Interrupter, ending: str, before: int) -> None:
    "From another process, and on a mount of the network file system from another mount."
    unsigned = Keys(verify_with=program.keys.verify_with)  # a death before signing leaves a version unsigned
    registry = Registry(seen, MODEL, unsigned)
    for version in registry.versions():
        assert registry.verify(version).version == version
    roles = registry.roles()
    number_of_model = int(roles.champion[-8:], 16) if roles.champion else 0
    assert (roles.number, number_of_model) in ((before, before), (before + 1, 2))
    assert roles.number == before + 1 or ending == "died"
    publish_next(Registry(seen, MODEL, program.keys), program.candidates)
    sweep(registry.root, timedelta(seconds=-1))
    assert [path for path in registry.root.rglob("*") if STAGING in path.name] == []


def publish_next(registry: Registry, candidates: Path) -> None:
    "Repeat the killed process, then run another one."
    for name in ("new", "next"):
        version = registry.publish(candidates / name)
        assert registry.promote(version, **BY).champion == version
        assert registry.verify(version).version == version
    history = history_of(registry)
    assert [entry.number for entry in history] == list(range(1, len(history) + 1))


def on_local_disk(start: str, program: Interrupter, scratch: Path, step: int) -> int:
    "Die and look on the same disk."

    def make_home(number: int) -> Path:
        home = scratch / f"home {number}"
        return home if start == "nothing" else with_an_old_champion(home, program)

    def check(home: Path, ending: Ending) -> None:
        check_publishing(home, program, ending.one, before=0 if start == "nothing" else 1)

    return program.every(step, Meeting("publish"), make_home, check)


@pytest.mark.parametrize("start", ["nothing", "a champion"])
def test_a_publisher_killed_on_the_way_leaves_the_old_state_or_the_new(
    tmp_path: Path, program: Interrupter, start: str
) -> None:
    assert on_local_disk(start, program, tmp_path, step=8) > 15


@pytest.mark.slow
@pytest.mark.parametrize("start", ["nothing", "a champion"])
def test_a_publisher_killed_at_any_operation_leaves_the_old_state_or_the_new(
    tmp_path: Path, program: Interrupter, start: str
) -> None:
    assert on_local_disk(start, program, tmp_path, step=1) > 80


def on_two_mounts(mounts: Mounts, program: Interrupter, scratch: Path, step: int) -> int:
    "Die on one mount, look from the other."

    def make_home(number: int) -> Path:
        home = mounts.first / f"{scratch.name} {number}"
        return with_an_old_champion(home, program)

    def check(home: Path, ending: Ending) -> None:
        check_publishing(mounts.seen_on(mounts.second, home), program, ending.one, before=1)

    return program.every(step, Meeting("publish"), make_home, check)


@pytest.mark.usefixtures("patient")
def test_the_same_on_a_network_file_system_seen_from_another_mount(
    mounts: Mounts, program: Interrupter, tmp_path: Path
) -> None:
    assert on_two_mounts(mounts, program, tmp_path, step=9) > 8


@pytest.mark.slow(seconds=30)
@pytest.mark.usefixtures("patient")
def test_the_same_on_a_network_file_system_at_every_operation(
    mounts: Mounts, program: Interrupter, tmp_path: Path
) -> None:
    assert on_two_mounts(mounts, program, tmp_path, step=1) > 80
