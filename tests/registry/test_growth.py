"""A registry that has grown old costs what a young one costs."""

import difflib
import os
from pathlib import Path

import pytest

from benchmarks.registry import checked, grow
from goldenpath.registry.registry import Registry
from tests.helpers.candidates import make_candidate

BY = {"who": "ada", "why": "a test"}


def test_what_is_asked_of_the_volume_hardly_grows(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(home, "churn")
    version = registry.publish(make_candidate(tmp_path / "c"))
    asked: list[str] = []

    def count(name: str) -> None:
        operation = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, **k: asked.append(name) or operation(*a, **k))

    for name in ("stat", "open", "listdir", "scandir"):
        count(name)
    costs = []
    for _ in range(300):
        asked.clear()
        Registry(home, "churn").promote(version, **BY)
        costs.append(len(asked))
        assert "scandir" not in asked or asked.count("scandir") <= 1  # what was staged, never the log
    assert costs[-1] - costs[0] <= 2 * 9  # twice the doublings up to 300
    asked.clear()
    registry.roles()
    asked.clear()
    assert registry.roles().number == 300
    assert len(asked) <= 5


def test_publishing_a_new_version_compares_no_names(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(home, "churn")
    registry.publish(make_candidate(tmp_path / "1", 1))
    monkeypatch.setattr(difflib, "get_close_matches", None)  # which takes seconds among thousands
    assert registry.publish(make_candidate(tmp_path / "2", 2)) in registry.versions()


@pytest.mark.slow
@pytest.mark.alone
def test_a_check_of_100_megabytes_keeps_up_with_sha256sum(tmp_path: Path) -> None:
    assert checked(tmp_path)["speed"] >= 0.7


@pytest.mark.slow
@pytest.mark.alone
def test_the_last_of_thousands_of_role_changes_costs_what_the_first_did(home: Path, tmp_path: Path) -> None:
    grown = grow(home, tmp_path, versions=2000, entries=5000)  # its seconds: `python -m benchmarks.registry`
    assert grown["last_change_s"] < 2 * grown["first_change_s"] + 0.01
