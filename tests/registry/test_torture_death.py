"""Death at every step: whoever publishes, promotes or cleans up may be killed at any file operation."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from goldenpath.registry.registry import Keys, Registry
from goldenpath.registry.retention import carry_out, plan_versions, sweep
from goldenpath.volume import STAGING
from tests.helpers.candidates import make_candidate
from tests.helpers.fuse_mount import Mounts
from tests.helpers.sudden_death import BY, FAR_LATER, MODEL
from tests.registry.test_signing import make_keys

Kill = Callable[[int, Path], str]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys") / "pair")


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "An old, a new and a next model."
    folder = tmp_path_factory.mktemp("candidates")
    for number, name in enumerate(("old", "new", "next"), start=1):
        make_candidate(folder / name, number)
    return folder


@contextmanager
def dying(scenario: str, candidates: Path, key: Path | str, scratch: Path) -> Iterator[Kill]:
    "A program that does the scenario again and again, each time killed at another operation."
    command = [sys.executable, "-m", "tests.helpers.sudden_death", scenario, str(candidates), str(key)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as program:

        def kill_at(number: int, home: Path) -> str:
            assert program.stdin
            assert program.stdout
            program.stdin.write(f"{number} {home}\n")
            program.stdin.flush()
            return program.stdout.readline().strip()

        yield kill_at
        program.stdin.close()


def deaths(
    kill_at: Kill, make_home: Callable[[int], Path], check: Callable[[Path, str], None], step: int
) -> int:
    "Die at every `step`-th operation until the work completes; how many deaths were survived."
    number = 1
    while True:
        home = make_home(number)
        ending = kill_at(number, home)
        assert ending in ("died", "done")
        check(home, ending)
        if ending == "done":
            return (number - 1) // step
        number += step


# Publishing and promoting


def with_an_old_champion(home: Path, candidates: Path, keys: Keys) -> Path:
    "A home in which something is published and champion."
    registry = Registry(home, MODEL, keys)
    registry.promote(registry.publish(candidates / "old"), **BY)
    return home


def check_publishing(seen: Path, candidates: Path, keys: Keys, ending: str, before: int) -> None:
    "From another process, and on a mount of the network file system from another mount."
    unsigned = Keys(verify_with=keys.verify_with)  # a death before signing leaves a version unsigned
    registry = Registry(seen, MODEL, unsigned)
    for version in registry.versions():
        assert registry.verify(version).version == version
    roles = registry.roles()
    number_of_model = int(roles.champion[-8:], 16) if roles.champion else 0
    assert (roles.number, number_of_model) in ((before, before), (before + 1, 2))
    assert roles.number == before + 1 or ending == "died"
    publish_next(Registry(seen, MODEL, keys), candidates)
    sweep(registry.root, timedelta(seconds=-1))
    assert [path for path in registry.root.rglob("*") if STAGING in path.name] == []


def publish_next(registry: Registry, candidates: Path) -> None:
    "The killed one tries again, then somebody else comes."
    for name in ("new", "next"):
        version = registry.publish(candidates / name)
        assert registry.promote(version, **BY).champion == version
        assert registry.verify(version).version == version
    history = registry.history()
    assert [entry.number for entry in history] == list(range(1, len(history) + 1))


def on_local_disk(start: str, candidates: Path, keys: Keys, scratch: Path, step: int) -> int:
    "Die and look on the same disk."

    def make_home(number: int) -> Path:
        home = scratch / f"home {number}"
        return home if start == "nothing" else with_an_old_champion(home, candidates, keys)

    def check(home: Path, ending: str) -> None:
        check_publishing(home, candidates, keys, ending, before=0 if start == "nothing" else 1)

    with dying("publish", candidates, str(keys.sign_with), scratch) as kill_at:
        return deaths(kill_at, make_home, check, step)


@pytest.mark.parametrize("start", ["nothing", "a champion"])
def test_a_publisher_killed_on_the_way_leaves_the_old_state_or_the_new(
    tmp_path: Path, candidates: Path, keys: Keys, start: str
) -> None:
    assert on_local_disk(start, candidates, keys, tmp_path, step=4) > 20


@pytest.mark.slow
@pytest.mark.parametrize("start", ["nothing", "a champion"])
def test_a_publisher_killed_at_any_operation_leaves_the_old_state_or_the_new(
    tmp_path: Path, candidates: Path, keys: Keys, start: str
) -> None:
    assert on_local_disk(start, candidates, keys, tmp_path, step=1) > 80


def on_two_mounts(mounts: Mounts, candidates: Path, keys: Keys, scratch: Path, step: int) -> int:
    "Die on one mount, look from the other."

    def make_home(number: int) -> Path:
        home = mounts.first / f"{scratch.name} {number}"
        return with_an_old_champion(home, candidates, keys)

    def check(home: Path, ending: str) -> None:
        check_publishing(mounts.seen_on(mounts.second, home), candidates, keys, ending, before=1)

    with dying("publish", candidates, str(keys.sign_with), scratch) as kill_at:
        return deaths(kill_at, make_home, check, step)


def test_the_same_on_a_network_file_system_seen_from_another_mount(
    mounts: Mounts,
    candidates: Path,
    keys: Keys,
    tmp_path: Path,
) -> None:
    assert on_two_mounts(mounts, candidates, keys, tmp_path, step=9) > 8


@pytest.mark.slow
def test_the_same_on_a_network_file_system_at_every_operation(
    mounts: Mounts,
    candidates: Path,
    keys: Keys,
    tmp_path: Path,
) -> None:
    assert on_two_mounts(mounts, candidates, keys, tmp_path, step=1) > 80


# Cleaning up


def test_who_is_killed_while_cleaning_up_loses_nothing_that_is_in_use(
    tmp_path: Path, candidates: Path, keys: Keys
) -> None:
    def make_home(number: int) -> Path:
        home = with_an_old_champion(tmp_path / str(number), candidates, keys)
        for name in ("new", "next"):
            Registry(home, MODEL).publish(candidates / name)
        return home

    def check(home: Path, ending: str) -> None:
        registry = Registry(home, MODEL)
        listed = registry.versions()
        assert {registry.verify(version).version for version in listed} == set(listed)
        assert registry.resolve("champion") == listed[0]
        for days in (0, 30):
            now = FAR_LATER + timedelta(days=days)
            carry_out(registry, plan_versions(registry, 1, timedelta(days=7), now), now)
        assert [version[-1] for version in registry.versions()] == ["1", "3"]
        assert os.listdir(registry.aside) == []

    with dying("gc", candidates, "", tmp_path) as kill_at:
        assert deaths(kill_at, make_home, check, step=1) > 10
