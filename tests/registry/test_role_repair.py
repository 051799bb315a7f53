"""A role log that is blocked: no release writes such an entry, and one command mends it."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath import volume
from goldenpath.cli import cli
from goldenpath.errors import BadInput, DamagedEntry, RaceLost, VolumeFault
from goldenpath.registry import role_repair
from goldenpath.registry.registry import Registry
from goldenpath.registry.role_repair import find_obstacle, repair_roles
from goldenpath.registry.roles import STATE, STATE_LIMIT
from tests.helpers.candidates import make_candidate

BY = {"who": "ada@example.org", "why": "it is better"}


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 0.0)


@pytest.fixture
def registry(home: Path, tmp_path: Path) -> Registry:
    "One version, champion since entry 2."
    registry = Registry(home, "churn")
    version = registry.publish(make_candidate(tmp_path / "c"))
    registry.promote(version, "shadow", **BY)
    registry.promote(version, **BY)
    return registry


def fresh(registry: Registry) -> Registry:
    "Return the same for a reader that has seen nothing yet."
    return Registry(registry.root.parent.parent, registry.model)


# No entry is written that cannot be read


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ({"why": "x" * STATE_LIMIT}, "why has 1,048,576 characters; write at most 1,000"),
        ({"who": "x" * 201}, "who has 201 characters; write at most 200"),
        ({"why": os.fsdecode(b"ticket \xff")}, r"why holds bytes that are not UTF-8 \('ticket \\udcff'\)"),
    ],
)
def test_a_text_that_no_reader_could_use_is_refused(
    registry: Registry, texts: dict[str, str], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        registry.withdraw(registry.versions()[0], **{**BY, **texts})
    assert fresh(registry).roles().number == 2


@pytest.mark.parametrize("share", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_share_that_is_no_share_is_never_written(registry: Registry, share: float) -> None:
    with pytest.raises(BadInput, match=f"share {share} is not within 0 and 1"):
        registry.promote(registry.versions()[0], "challenger", share, **BY)
    with pytest.raises(BadInput, match=r"entry 3 was not written.*challenger_share"):
        registry.assign(lambda roles: roles.model_copy(update={"challenger_share": share}), **BY)
    assert fresh(registry).roles().number == 2
    assert sorted(path.name for path in registry.log.folder.iterdir()) == ["000001", "000002"]


def test_an_entry_that_would_be_too_large_for_its_readers_is_not_written(registry: Registry) -> None:
    many = tuple(f"1.0.0-20260101T000000Z-{number:08x}" for number in range(30_000))
    with pytest.raises(BadInput, match=r"entry 3 would have .* bytes; at most 1,048,576 can be read"):
        registry.assign(lambda roles: roles.model_copy(update={"withdrawn": many}), **BY)
    assert fresh(registry).roles().number == 2


@pytest.mark.parametrize("share", ["NaN", "Infinity", "null", "-1", "2"])
def test_a_planted_share_that_is_no_share_is_damage(registry: Registry, share: str) -> None:
    plant_state(3, f'{{"number": 3, "challenger_share": {share}}}')(registry.log.folder)
    with pytest.raises(DamagedEntry, match=r"000003/state.json is damaged: challenger_share: .*repair"):
        registry.roles()


# What may lie in the way


def plant_state(number: int, content: str) -> Callable[[Path], None]:
    def plant(roles: Path) -> None:
        (roles / f"{number:06d}").mkdir()
        (roles / f"{number:06d}" / STATE).write_text(content)

    return plant


def plant_folder(roles: Path) -> None:
    (roles / "000003").mkdir()
    (roles / "000003" / "note.txt").write_text("mine")


def plant_file(roles: Path) -> None:
    (roles / "000003").write_text("mine")


def plant_link(roles: Path) -> None:
    (roles / "000003").symlink_to("/nowhere")


def plant_link_to_itself(roles: Path) -> None:
    (roles / "000003").symlink_to(roles / "000003")


def plant_linked_state(roles: Path) -> None:
    (roles / "000003").mkdir()
    (roles / "000003" / STATE).symlink_to("/nowhere")


def plant_pipe(roles: Path) -> None:
    (roles / "000003").mkdir()
    os.mkfifo(roles / "000003" / STATE)


def plant_far_ahead(roles: Path) -> None:
    "Where the search for the newest entry looks after 1 and 2, and on its way."
    plant_state(3, "{")(roles)
    plant_state(4, json.dumps({"number": 5}))(roles)


OBSTACLES = {
    "folder": (plant_folder, r"a folder without a regular state.json \(it holds 'note.txt'\)"),
    "file": (plant_file, "a file"),
    "link": (plant_link, "a link to /nowhere"),
    "link to itself": (plant_link_to_itself, "a link to .*000003"),
    "linked state": (plant_linked_state, "a folder without a regular state.json"),
    "pipe": (plant_pipe, "is damaged: not a regular file"),
    "giant": (plant_state(3, " " * (STATE_LIMIT + 1)), "is damaged: larger than 1048576 bytes"),
    "no JSON": (plant_state(3, "{"), "is damaged: Invalid JSON"),
    "other number": (plant_state(3, '{"number": 7}'), "is damaged: it says that it is entry 7"),
    "two entries": (plant_far_ahead, "000004/state.json is damaged: it says that it is entry 5"),
}
every_obstacle = pytest.mark.parametrize("obstacle", OBSTACLES)


@every_obstacle
def test_what_blocks_a_change_is_named_with_the_command_that_moves_it_aside(
    registry: Registry, obstacle: str
) -> None:
    plant, what = OBSTACLES[obstacle]
    plant(registry.log.folder)
    with pytest.raises(VolumeFault, match=f"{what}.*`goldenpath models repair` moves it aside"):
        fresh(registry).withdraw(registry.versions()[0], **BY)


@every_obstacle
def test_repair_moves_it_aside_and_the_next_entry_says_so(registry: Registry, obstacle: str) -> None:
    before, plant = registry.roles(), OBSTACLES[obstacle][0]
    plant(registry.log.folder)
    planted = sorted(path.name for path in registry.log.folder.iterdir())[2:]
    moved = repair_roles(registry.log.folder, "ada@example.org")
    assert [one.place.name for one in moved] == planted[::-1]
    now = fresh(registry).roles()
    assert (now.number, now.champion, now.shadow) == (3, before.champion, before.shadow)
    assert now.why.startswith(f"repaired: {', '.join(planted[::-1])} could not be used (")
    kept = sorted(path.name.rpartition("~")[2] for path in (registry.root / "roles-aside").iterdir())
    assert kept == planted
    assert fresh(registry).withdraw(registry.versions()[0], **BY).number == 4


def test_a_reader_that_had_seen_the_damaged_entry_reads_on_after_the_repair(registry: Registry) -> None:
    plant_state(3, "{")(registry.log.folder)
    with pytest.raises(DamagedEntry):
        registry.roles()
    repair_roles(registry.log.folder, "ada@example.org")
    assert registry.roles().number == 3


def test_an_empty_folder_blocks_nothing(registry: Registry) -> None:
    (registry.log.folder / "000003").mkdir()
    assert find_obstacle(registry.log.folder) is None
    assert registry.withdraw(registry.versions()[0], **BY).number == 3


def test_a_sound_log_is_left_alone(registry: Registry, home: Path) -> None:
    assert repair_roles(registry.log.folder, "ada@example.org") == ()
    assert repair_roles(home / "models" / "never published" / "roles", "ada@example.org") == ()
    assert registry.roles().number == 2


def test_a_volume_that_fails_is_no_damage(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path, limit: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("goldenpath.registry.roles.read_file", fails)
    with pytest.raises(VolumeFault, match="Input/output error"):
        repair_roles(registry.log.folder, "ada@example.org")
    assert not (registry.root / "roles-aside").exists()


def test_an_entry_that_another_process_repaired_meanwhile_stays(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_folder(registry.log.folder)
    obstacle = find_obstacle(registry.log.folder)
    repair_roles(registry.log.folder, "bob@example.org")
    monkeypatch.setattr(role_repair, "find_obstacle", lambda folder: obstacle)
    with pytest.raises(RaceLost, match="was repaired by another process"):
        repair_roles(registry.log.folder, "ada@example.org")
    assert (fresh(registry).roles().number, fresh(registry).roles().who) == (3, "bob@example.org")


# What a person types


def call(registry: Registry, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setenv("GOLDENPATH_HOME", str(registry.root.parent.parent))
    monkeypatch.setenv("GOLDENPATH_MODEL", "churn")
    monkeypatch.setenv("GOLDENPATH_USER", "ada@example.org")
    result = CliRunner().invoke(cli, ["models", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_says_what_it_would_move_before_it_does(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_folder(registry.log.folder)
    dry = call(registry, monkeypatch, "repair")
    assert "roles/000003: it is a folder without a regular state.json (it holds 'note.txt')" in dry
    assert "dry run" in dry
    assert fresh(registry).roles().number == 2
    assert "moved aside: " in call(registry, monkeypatch, "repair", "--yes")
    assert "entry 3 of the roles can be read" in call(registry, monkeypatch, "repair")


def test_an_older_damaged_entry_hides_no_other_and_a_rollback_goes_past_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.versions()[0]
    registry.promote(registry.publish(make_candidate(tmp_path / "two", 2)), **BY)
    registry.promote(registry.versions()[1], why="again", who="ada")
    state = registry.log.folder / "000003" / STATE
    state.chmod(0o644)
    state.write_text("{")
    told = call(registry, monkeypatch, "history")
    assert "unreadable" in told
    assert "again" in told
    assert "it is better" in told
    assert fresh(registry).rollback(**BY).champion == first
