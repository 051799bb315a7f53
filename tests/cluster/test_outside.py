"""What an older run made of the world outside counts only if a new run would make the same of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenpath.cluster.outside import ORIGIN, SOURCE, would_be_the_same
from goldenpath.evaluation.leaderboard import LEADERBOARD
from goldenpath.runs.run import Run, read_json
from goldenpath.settings import Settings
from tests.helpers.trained_run import settings_for, trained

Fields = dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return trained(tmp_path)


@pytest.fixture
def settings(run: Run, tmp_path: Path) -> Settings:
    "Return settings of the person who trained."
    return settings_for(tmp_path).changed(user=read_json(run.folder / "training.json")["who"])


def with_fields(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps(read_json(file) | fields))


def test_the_same_person_trains_the_same_on_the_same_rows(run: Run, settings: Settings) -> None:
    with_fields(run.folder / "training.json", git_commit="abc")
    assert would_be_the_same(ORIGIN, run.folder, settings)
    assert would_be_the_same(SOURCE, run.folder, settings)


@pytest.mark.parametrize(
    "fields",
    [{"who": "another"}, {"git_commit": "abc+changes"}, {"clash": "1.2.0 is another model"}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_candidate_that_would_be_named_or_trained_otherwise_is_another(
    run: Run, settings: Settings, fields: Fields
) -> None:
    with_fields(run.folder / "training.json", **{"git_commit": "abc"} | fields)
    assert not would_be_the_same(ORIGIN, run.folder, settings)


@pytest.mark.parametrize("change", [{"source": "other.csv", "synthetic": False}, {"synthetic": False}])
def test_a_notebook_that_read_another_source_reads_again(
    run: Run, settings: Settings, change: Fields
) -> None:
    with_fields(run.folder / "data" / "summary.json", **change)
    assert not would_be_the_same(SOURCE, run.folder, settings.changed(source="synthetic"))


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("{")])
@pytest.mark.parametrize("name", ["training.json", LEADERBOARD])
def test_what_cannot_be_read_is_not_the_same(
    run: Run, settings: Settings, name: str, damage: Callable[[Path], Any]
) -> None:
    damage(run.folder / name)
    assert not would_be_the_same(ORIGIN, run.folder, settings)
    assert not would_be_the_same("a kind of one's own", run.folder, settings)
