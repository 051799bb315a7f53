"""A registry that has grown old costs what a young one costs."""

import difflib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from goldenpath.registry.registry import Registry
from tests.helpers.candidates import make_candidate

BY = {"who": "ada", "why": "a test"}


def test_what_is_asked_of_the_volume_hardly_grows(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(home, "churn")
    version = registry.publish(make_candidate(tmp_path / "c"))
    asked: list[str] = []
    here = threading.get_ident()

    def count(name: str) -> None:
        operation = getattr(os, name)

        def note(*arguments: Any, **more: Any) -> Any:
            if threading.get_ident() == here:  # threads of servers that other tests started look as well
                asked.append(name)
            return operation(*arguments, **more)

        monkeypatch.setattr(os, name, note)

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
