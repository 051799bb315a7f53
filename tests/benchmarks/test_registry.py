"""A registry that has grown old costs what a young one costs, measured."""

from pathlib import Path

import pytest

from benchmarks.registry import checked, grow


@pytest.mark.slow
@pytest.mark.alone
def test_a_check_of_100_megabytes_keeps_up_with_sha256sum(tmp_path: Path) -> None:
    assert checked(tmp_path)["speed"] >= 0.7


@pytest.mark.slow
@pytest.mark.alone
def test_the_last_of_thousands_of_role_changes_costs_what_the_first_did(home: Path, tmp_path: Path) -> None:
    grown = grow(
        home, tmp_path, versions=200, entries=3000
    )  # more, and its seconds: `python -m benchmarks.registry`
    assert grown["last_change_s"] < 2 * grown["first_change_s"] + 0.01
