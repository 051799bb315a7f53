"""Death at every file operation of cleaning up, restoring and publishing again, alone and beside others."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import carry_out, plan_versions
from goldenpath.registry.trash import list_aside
from goldenpath.volume import STAGING
from tests.helpers.interruptions import Ending, Interrupter, Meeting
from tests.helpers.registries import sweep
from tests.helpers.sudden_death import BY, FAR_LATER, MODEL, NEW

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, program: Interrupter) -> dict[str, Path]:
    "Homes whose oldest version is champion and whose second one is whole, damaged, or waits to be deleted."
    folder = tmp_path_factory.mktemp("homes")
    registry = Registry(folder / "listed", MODEL, program.keys)
    old, _, _ = [registry.publish(program.candidates / name) for name in ("old", "new", "next")]
    registry.promote(old, **BY)
    registry.save_contrast(NEW, {"rows": 1})
    for name in ("damaged", "waiting", "remains"):
        shutil.copytree(folder / "listed", folder / name)
    for name in ("waiting", "remains"):
        move_new_aside(Registry(folder / name, MODEL))
    damage(Registry(folder / "damaged", MODEL).folder(NEW))
    damage(list_aside(Registry(folder / "remains", MODEL).aside)[0].folder)
    return {home.name: home for home in folder.iterdir()}


def move_new_aside(registry: Registry) -> None:
    "Run gc on it a year before."
    clean_up(registry, 1, FAR_LATER - timedelta(days=365))
    assert [one.name for one in list_aside(registry.aside)] == [NEW]


def damage(folder: Path) -> None:
    "Take half of a version away, as an older gc did that was killed."
    for name in ("manifest.json", "model.skops"):
        (folder / name).unlink()


def clean_up(registry: Registry, keep: int, now: datetime) -> None:
    carry_out(registry, plan_versions(registry, keep, timedelta(days=7), now), now)


def copies(home: Path, scratch: Path) -> Callable[[int], Path]:
    return lambda number: shutil.copytree(home, scratch / str(number))


def is_whole(registry: Registry) -> bool:
    "Whatever is listed is intact, and what is champion can be loaded."
    listed = registry.versions()
    assert {registry.verify(version).version for version in listed} == set(listed)
    return registry.resolve("champion") in listed


def ends_well(registry: Registry, candidates: Path) -> None:
    "Publish and promote the version as the next processes do; check that cleaning leaves nothing behind."
    assert registry.publish(candidates / "new") == NEW
    registry.promote(NEW, **BY)
    assert is_whole(registry)
    clean_up(registry, 1, FAR_LATER)
    clean_up(registry, 1, FAR_LATER + timedelta(days=30))
    assert [version[-1] for version in registry.versions()] == ["2", "3"]
    sweep(registry.root, timedelta(seconds=-1))
    assert list_aside(registry.aside) == []
    assert [path for path in registry.root.rglob("*") if STAGING in path.name] == []


# Alone

ALONE = [
    ("gc twice", "listed"),
    ("gc", "waiting"),
    ("gc", "remains"),
    ("restore", "waiting"),
    ("publish again", "damaged"),
    ("publish again", "waiting"),
    ("publish again", "remains"),
]


def die_alone(scenario: str, home: Path, program: Interrupter, scratch: Path, step: int) -> int:
    "Die at every `step`-th operation; how many deaths were survived."

    def check(died: Path, ending: Ending) -> None:
        registry = Registry(died, MODEL, program.keys)
        assert home.name == "damaged" or is_whole(registry)
        ends_well(registry, program.candidates)
        shutil.rmtree(died)

    return program.every(step, Meeting(scenario), copies(home, scratch), check)


@pytest.mark.parametrize(("scenario", "home"), ALONE)
def test_death_on_the_way_leaves_no_half_version_under_its_name(
    tmp_path: Path, program: Interrupter, homes: dict[str, Path], scenario: str, home: str
) -> None:
    assert die_alone(scenario, homes[home], program, tmp_path, step=17) >= 1


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "home"), ALONE)
def test_death_at_any_operation_leaves_no_half_version_under_its_name(
    tmp_path: Path, program: Interrupter, homes: dict[str, Path], scenario: str, home: str
) -> None:
    assert die_alone(scenario, homes[home], program, tmp_path, step=1) >= 15


# Beside others

BESIDE = [
    ("gc", "waiting", "publish again"),
    ("publish again", "damaged", "publish again"),
    ("restore", "waiting", "gc"),
    ("gc", "listed", "promote"),
    ("gc", "waiting", "restore"),
    ("gc", "waiting", "gc"),
    ("gc", "remains", "publish again"),
    ("restore", "waiting", "publish again"),
    ("publish again", "damaged", "gc"),
    ("publish again", "waiting", "gc"),
    ("publish again", "waiting", "restore"),
]


def meet(meeting: Meeting, home: Path, program: Interrupter, scratch: Path, step: int) -> int:
    "Let the other one do all of its work before every `step`-th operation, then die or live on."

    def check(seen: Path, ending: Ending) -> None:
        registry = Registry(seen, MODEL, program.keys)
        assert home.name == "damaged" or is_whole(registry)
        works = zip((meeting.one, meeting.other), ending, strict=True)
        done = {work for work, end in works if end == "done"}
        if done & {"publish again", "restore"}:
            can_be_had(registry)
        if "promote" in done and meeting.then == "live":
            assert registry.resolve("champion") == NEW
        ends_well(registry, program.candidates)
        shutil.rmtree(seen)

    return program.every(step, meeting, copies(home, scratch), check)


def can_be_had(registry: Registry) -> None:
    "Check that the version is there or in the trash, whole and signed, after the next cleaner."
    registry.restore(NEW)
    clean_up(registry, 9, FAR_LATER)
    assert registry.verify(NEW).version == NEW


@pytest.mark.parametrize(("one", "home", "other"), BESIDE[:4])
def test_whoever_meets_another_on_the_way_loses_nothing(
    tmp_path: Path, program: Interrupter, homes: dict[str, Path], one: str, home: str, other: str
) -> None:
    assert meet(Meeting(one, other, "live"), homes[home], program, tmp_path, step=13) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("then", ["live", "die"])
@pytest.mark.parametrize(("one", "home", "other"), BESIDE)
def test_whoever_meets_another_at_any_operation_loses_nothing(
    tmp_path: Path,
    program: Interrupter,
    homes: dict[str, Path],
    one: str,
    home: str,
    other: str,
    then: str,
) -> None:
    assert meet(Meeting(one, other, then), homes[home], program, tmp_path, step=1) >= 15
