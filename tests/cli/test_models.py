"""`goldenpath models`, `runs gc` and `reproduce`, as a person types them."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from goldenpath.cli import cli
from goldenpath.registry.registry import Registry
from tests.helpers import serving_fixtures
from tests.helpers.candidates import make_candidate
from tests.registry.test_hostile_artifacts import golden_answers_that_are_wrong
from tests.registry.test_signing import make_keys


@pytest.fixture
def registry(home: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_MODEL", "churn")
    monkeypatch.setenv("GOLDENPATH_USER", "ada@example.org")
    monkeypatch.setenv("GOLDENPATH_TRIAL_SECONDS", "0")  # these candidates are of another contract
    return Registry(home, "churn")


@pytest.fixture
def two(registry: Registry, tmp_path: Path) -> list[str]:
    return [registry.publish(make_candidate(tmp_path / str(n), n)) for n in (1, 2)]


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, [*words], catch_exceptions=False)


def models(*words: str) -> str:
    "Run a command that must succeed and return its output."
    result = call("models", *words)
    assert result.exit_code == 0, result.output
    return result.output


def test_nothing_published_says_what_to_do(registry: Registry) -> None:
    assert "no version of churn is published yet" in models("list")
    assert "was ever promoted" in models("history")
    nothing = call("models", "verify")
    assert (nothing.exit_code, "no version of churn is published" in nothing.output) == (1, True)


def test_a_role_is_given_shown_and_taken_back(registry: Registry, two: list[str]) -> None:
    assert f"entry 1: champion {two[0]}" in models("promote", two[0], "--why", "first")
    assert f"entry 2: champion {two[1]}" in models("promote", two[1], "--why", "better")
    assert "champion" in models("list")
    assert f"entry 3: champion {two[0]}" in models("rollback", "--why", "it answered nonsense")
    shown = models("history")
    assert [word in shown for word in ("first", "better", "it answered nonsense", "ada@example.org")] == [
        True
    ] * 4
    assert "no version is champion now" in models("withdraw", "champion", "--why", "leaked rows")
    assert "withdrawn" in models("list")


def test_a_version_is_proven_before_it_is_promoted(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    registry, good = Registry(home, serving_fixtures.MODEL), serving_fixtures.publish(home, 1)
    built = serving_fixtures.built(2, True, serving_fixtures.MODEL, True, ())
    wrong = shutil.copytree(built, tmp_path / "wrong")
    golden_answers_that_are_wrong(wrong, tmp_path)
    bad = registry.publish(wrong)
    assert f"champion {good}" in models("promote", good, "--why", "first")
    refused = call("models", "promote", bad, "--why", "newer")
    assert refused.exit_code == 1
    assert "answers differently here" in refused.output
    assert "`--unproven` promotes it all the same" in refused.output
    assert registry.roles().champion == good
    assert f"champion {bad}" in models("promote", bad, "--why", "newer", "--unproven")
    assert registry.roles().why == "newer (unproven)"


def test_a_challenger_needs_a_share(registry: Registry, two: list[str]) -> None:
    refused = call("models", "promote", two[0], "--role", "challenger", "--why", "try it")
    assert (refused.exit_code, "--share 0.1" in refused.output) == (2, True)
    models("promote", two[0], "--role", "challenger", "--share", "0.1", "--why", "try it")
    assert "challenger 10%" in models("list")


@pytest.mark.parametrize("role", ["challenger", "shadow"])
def test_the_champion_gets_another_role_only_on_purpose(
    registry: Registry, two: list[str], role: str
) -> None:
    models("promote", two[0], "--why", "first")
    step_down = ("promote", "champion", "--role", role, "--share", "0.1", "--why", "try it")
    refused = call("models", *step_down)
    assert refused.exit_code == 2
    assert f"{two[0]} is the champion, and as {role} it would leave churn without one" in refused.output
    assert registry.roles().number == 1
    done = models(*step_down, "--leave-no-champion")
    assert f"entry 2: {role} {two[0]}" in done
    assert "warning: no version is champion now" in done
    models("promote", two[1], "--why", "second")
    assert "warning: no version is champion now" in models("rollback", "2", "--why", "as it was")


def test_a_change_from_a_stale_entry_is_refused_in_one_line(registry: Registry, two: list[str]) -> None:
    models("promote", two[0], "--why", "first")
    refused = call("models", "promote", two[1], "--made-from", "0", "--why", "mine")
    assert refused.exit_code == 1
    reason = "error: ada@example.org changed the roles since entry 0 (first, entry 1)"
    assert refused.output.splitlines()[-1].startswith(reason)


def test_a_version_tells_where_it_comes_from(registry: Registry, two: list[str]) -> None:
    shown = models("show", two[0])
    for word in ("rows.csv", "20261121T000000Z-abcdef", "ada@example.org", "hash 0.70 0.15 0.15", "42"):
        assert word in shown


def test_a_damaged_version_is_found_and_hides_no_other(registry: Registry, two: list[str]) -> None:
    assert models("verify").count("sound") == 2
    file = registry.folder(two[0]) / "model.skops"
    file.chmod(0o644)
    file.write_bytes(b"x")
    checked = call("models", "verify")
    assert checked.exit_code == 1
    assert "model.skops has 1 bytes" in checked.output
    assert f"{two[1]}: sound" in checked.output
    manifest = registry.folder(two[0]) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{")
    assert two[1] in models("list")


def test_a_version_is_signed_with_the_key_that_is_named(
    registry: Registry, two: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no key to sign with" in call("models", "sign", two[0]).output
    keys = make_keys(tmp_path / "keys")
    key = ("--key", str(keys.sign_with))
    assert "no known key vouches for its files" in call("models", "sign", two[0], *key).output
    assert "--unverified needs --why" in call("models", "sign", two[0], *key, "--unverified").output
    signed = models("sign", two[0], *key, "--unverified", "--why", "compared with the run")
    assert "model.sig" in signed
    assert f"warning: {two[0]} was signed without verification" in signed
    assert "signed unverified" in models("history")
    monkeypatch.setenv("GOLDENPATH_VERIFY_KEY", str(keys.verify_with))
    monkeypatch.setenv("GOLDENPATH_REQUIRE_SIGNATURE", "yes")
    assert "sound" in models("verify", two[0])
    assert "is not signed" in call("models", "verify", two[1]).output
    new = make_keys(tmp_path / "new")
    assert "model.sig" in models("sign", two[0], "--key", str(new.sign_with))


def test_a_version_is_set_aside_by_hand_and_brought_back(registry: Registry, two: list[str]) -> None:
    assert f"models restore {two[0]}" in models("set-aside", two[0])
    assert registry.versions() == two[1:]
    models("restore", two[0])
    assert registry.versions() == two


def test_the_export_that_holds_pickle_says_so_where_it_is_offered() -> None:
    assert "That is pickle" in call("models", "export", "--help").output


def test_gc_is_a_dry_run_until_it_is_told_otherwise(registry: Registry, two: list[str]) -> None:
    plan = models("gc", "--keep", "0", "--grace", "0m")
    assert (plan.count("move aside"), "dry run" in plan) == (2, True)
    assert registry.versions() == two
    models("gc", "--keep", "1", "--grace", "0m", "--yes")
    assert registry.versions() == two[1:]
    assert two[0] in models("restore", two[0])
    assert registry.versions() == two
    assert call("models", "gc", "--keep", "1", "--grace", "soon").exit_code == 2


def test_gc_names_what_it_sweeps(registry: Registry, two: list[str]) -> None:
    for folder in (registry.root / "signatures" / "gone", registry.root / "versions" / ".staging-dead"):
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
    said = models("gc", "--keep", "9", "--yes")
    assert ("swept:" in said, "signatures/gone" in said, ".staging-dead" in said) == (True, True, True)
    assert "nothing to do" in call("models", "gc", "--keep", "9", "--yes").output


def test_runs_are_cleaned_up_likewise(registry: Registry, home: Path) -> None:
    (home / "runs" / "20260101T000000Z-000001").mkdir(parents=True)
    assert "move aside: 20260101T000000Z-000001" in call("runs", "gc", "--keep", "0", "--grace", "0m").output
    call("runs", "gc", "--keep", "0", "--grace", "0m", "--yes")
    assert list((home / "runs").iterdir()) == []


def test_a_version_travels_in_one_file(
    registry: Registry, two: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models("export-bundle", two[0], str(tmp_path / "one.bundle"))
    monkeypatch.setenv("GOLDENPATH_HOME", str(tmp_path / "production"))
    assert two[0] in models("import-bundle", str(tmp_path / "one.bundle"))
    assert Registry(tmp_path / "production", "churn").verify(two[0]).version == two[0]
