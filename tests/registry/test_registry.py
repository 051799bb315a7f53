"""Versions and roles, as one person alone sees them."""

import stat
from pathlib import Path
from typing import Any

import pytest

from goldenpath.errors import BadInput, GateRefused, NoModel, NotTrusted, RaceLost
from goldenpath.registry.registry import Registry
from goldenpath.registry.trash import list_aside
from tests.helpers.candidates import make_candidate
from tests.helpers.registries import history_of

BY = {"who": "ada@example.org", "why": "it is better"}


@pytest.fixture
def two(registry: Registry, tmp_path: Path) -> tuple[str, str]:
    "Two published versions."
    first, second = (registry.publish(make_candidate(tmp_path / str(n), n)) for n in (1, 2))
    return first, second


def test_a_published_version_is_listed_verified_and_read_only(registry: Registry, tmp_path: Path) -> None:
    version = registry.publish(make_candidate(tmp_path / "c"))
    assert registry.versions() == [version]
    assert registry.verify(version).version == version
    assert {stat.S_IMODE(p.stat().st_mode) for p in registry.folder(version).iterdir()} == {0o444}


def test_the_same_model_again_is_the_same_version(registry: Registry, tmp_path: Path) -> None:
    first = registry.publish(make_candidate(tmp_path / "c"))
    later = "1.0.0-20270101T000000Z-00000001"
    assert registry.publish(make_candidate(tmp_path / "again", version=later)) == first
    assert registry.versions() == [first]


def test_the_same_training_that_was_judged_again_is_the_version_that_exists(
    registry: Registry, tmp_path: Path
) -> None:
    version = registry.publish(make_candidate(tmp_path / "c"))
    judged_again = make_candidate(
        tmp_path / "again", version=version, run="20261122T000000Z-abcdef", threshold=0.4
    )
    assert registry.publish(judged_again) == version
    assert registry.verify(version).threshold == 0.5
    damaged = registry.folder(version) / "golden.json"
    damaged.unlink()
    damaged.write_text("{}")
    assert registry.publish(judged_again) == version
    assert registry.verify(version).threshold == 0.4


@pytest.mark.parametrize("other", [{"identity": "00000001" + "f" * 56, "seed": 7}, {"padding": 10}])
def test_a_name_that_is_taken_by_other_content_is_refused(
    registry: Registry, tmp_path: Path, other: dict[str, Any]
) -> None:
    version = registry.publish(make_candidate(tmp_path / "c"))
    assert registry.publish(make_candidate(tmp_path / "same")) == version
    with pytest.raises(RaceLost, match="exists already"):
        registry.publish(make_candidate(tmp_path / "other", version=version, **other))
    assert registry.verify(version).seed == 42
    assert list_aside(registry.aside) == []


def test_versions_are_in_order_of_their_time_not_of_their_number(registry: Registry, tmp_path: Path) -> None:
    ten = registry.publish(make_candidate(tmp_path / "1", 1, model_version="10.0.0"))
    nine = registry.publish(make_candidate(tmp_path / "2", 2, model_version="9.0.0"))
    assert registry.versions() == [ten, nine]


def test_nothing_published_is_said_as_such(registry: Registry) -> None:
    assert registry.versions() == []
    assert registry.roles().number == 0
    with pytest.raises(NoModel, match="no version of churn is champion"):
        registry.resolve("champion")


def test_an_unknown_version_suggests_the_nearest(registry: Registry, two: tuple[str, str]) -> None:
    with pytest.raises(NoModel, match=f"did you mean {two[0]}"):
        registry.resolve(two[0][:-1])
    with pytest.raises(NoModel, match="not published"):
        registry.resolve("../../etc")


def test_a_promoted_version_is_found_by_its_role(registry: Registry, two: tuple[str, str]) -> None:
    registry.promote(two[0], **BY)
    registry.promote(two[1], "challenger", 0.1, **BY)
    roles = registry.roles()
    assert (roles.champion, roles.challenger, roles.challenger_share) == (*two, 0.1)
    assert registry.resolve("champion") == two[0]
    assert registry.resolve(two[1]) == two[1]


def test_a_version_holds_one_role_at_a_time(registry: Registry, two: tuple[str, str]) -> None:
    registry.promote(two[0], **BY)
    registry.promote(two[1], "challenger", 0.1, **BY)
    roles = registry.promote(two[1], **BY)
    assert (roles.champion, roles.challenger, roles.challenger_share) == (two[1], None, 0.0)


def test_a_change_made_from_a_stale_entry_is_refused(registry: Registry, two: tuple[str, str]) -> None:
    judged_against = registry.roles().number
    registry.promote(two[0], **BY)
    with pytest.raises(RaceLost, match=r"ada@example.org changed the roles since entry 0 \(it is better"):
        registry.promote(two[1], who="bob", why="mine", made_from=judged_against)
    assert registry.resolve("champion") == two[0]


def test_a_withdrawn_version_leaves_its_role_and_is_not_loaded_again(
    registry: Registry, two: tuple[str, str]
) -> None:
    registry.promote(two[0], **BY)
    roles = registry.withdraw(two[0], who="ada", why="it was trained on leaked rows")
    assert (roles.champion, roles.withdrawn) == (None, (two[0],))
    with pytest.raises(BadInput, match="was withdrawn"):
        registry.resolve(two[0])
    with pytest.raises(BadInput, match="was withdrawn"):
        registry.promote(two[0], **BY)


def test_stand_in_rows_never_replace_real_ones(registry: Registry, tmp_path: Path) -> None:
    stand_in = registry.publish(make_candidate(tmp_path / "1", 1, synthetic=True))
    real = registry.publish(make_candidate(tmp_path / "2", 2))
    registry.promote(stand_in, **BY)
    registry.promote(real, **BY)
    with pytest.raises(GateRefused, match="trained on synthetic stand-in rows"):
        registry.promote(stand_in, **BY)
    assert registry.promote(stand_in, "shadow", **BY).shadow == stand_in


def test_history_tells_who_changed_what_and_why(registry: Registry, two: tuple[str, str]) -> None:
    registry.promote(two[0], who="ada", why="first")
    registry.promote(two[1], who="bob", why="better")
    told = [(r.number, r.champion, r.who, r.why, r.made_from) for r in history_of(registry)]
    assert told == [(1, two[0], "ada", "first", 0), (2, two[1], "bob", "better", 1)]
    assert all(entry.when.endswith("+00:00") for entry in history_of(registry))


def test_the_newest_of_many_entries_is_found_by_a_few_looks(registry: Registry, two, monkeypatch) -> None:
    for _ in range(40):
        registry.promote(two[0], **BY)
    looks: list[int] = []
    exists = registry.log._exists
    fresh = Registry(registry.root.parent.parent, "churn")
    monkeypatch.setattr(fresh.log, "_exists", lambda number: looks.append(number) or exists(number))
    assert fresh.roles().number == 40
    assert len(looks) <= 12


def test_a_measured_contrast_is_kept_beside_the_version(registry: Registry, two: tuple[str, str]) -> None:
    registry.save_contrast(two[0], {"rows": 1})
    registry.save_contrast(two[0], {"rows": 2})
    assert registry.contrast_file(two[0]).read_text() == '{\n  "rows": 2\n}'


def spoil(registry: Registry, version: str) -> None:
    "Change one byte of a version's model."
    file = registry.folder(version) / "model.skops"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def test_only_what_verifies_is_given_a_role(registry: Registry, two: tuple[str, str]) -> None:
    spoil(registry, two[0])
    with pytest.raises(NotTrusted, match="was altered"):
        registry.promote(two[0], **BY)
    assert registry.roles().number == 0


def test_a_rollback_gives_roles_to_what_verifies_only(registry: Registry, two: tuple[str, str]) -> None:
    for version in two:
        registry.promote(version, **BY)
    spoil(registry, two[0])
    for entry in (1, None):
        with pytest.raises(NotTrusted, match="was altered"):
            registry.rollback(entry, **BY)
    assert registry.resolve("champion") == two[1]


def test_a_rollback_without_a_number_passes_over_what_was_withdrawn(
    registry: Registry, two: tuple[str, str], tmp_path: Path
) -> None:
    third = registry.publish(make_candidate(tmp_path / "3", 3))
    for version in (*two, third):
        registry.promote(version, **BY)
    registry.withdraw(two[1], **BY)
    assert registry.rollback(**BY).champion == two[0]
    registry.withdraw(third, **BY)
    with pytest.raises(NoModel, match=r"churn has no earlier champion; run `goldenpath models promote"):
        registry.rollback(**BY)


def test_a_version_without_a_role_can_be_set_aside(registry: Registry, two: tuple[str, str]) -> None:
    registry.promote(two[0], **BY)
    with pytest.raises(BadInput, match=f"{two[0]} has a role; `goldenpath models withdraw"):
        registry.set_aside(two[0])
    registry.set_aside(two[1])
    assert registry.versions() == [two[0]]
    assert registry.restore(two[1])


def test_a_version_that_is_promoted_while_it_is_set_aside_comes_back(
    registry: Registry, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    move_aside = registry._move_aside

    def promoted_meanwhile(version: str) -> None:
        registry.promote(version, **BY)
        move_aside(version)

    monkeypatch.setattr(registry, "_move_aside", promoted_meanwhile)
    registry.set_aside(two[0])
    assert registry.resolve("champion") == two[0]
