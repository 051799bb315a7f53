"""Which runs may go: never what a published version was trained in, nor what that run reads from."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.errors import VolumeFault
from goldenpath.registry.registry import Registry
from goldenpath.runs.retention import carry_out_runs, plan_runs, touched
from tests.helpers.candidates import make_candidate

GRACE = timedelta(days=7)
NOW = datetime(2027, 1, 1, tzinfo=UTC) + GRACE


def test_runs_that_are_needed_stay(home: Path, tmp_path: Path) -> None:
    ids = [f"2026010{n}T000000Z-00000{n}" for n in range(1, 8)]
    for run_id in ids:
        make_run(home, run_id)
    make_run(home, ids[6], parent=ids[5])
    make_run(home, ids[2], parent=ids[1])
    Registry(home, "churn").publish(make_candidate(tmp_path / "c", run=ids[2]))
    now = NOW
    plan = plan_runs(home, 1, GRACE, now)
    assert plan.aside == (ids[0], ids[3], ids[4])
    carry_out_runs(home, plan, now)
    assert sorted(os.listdir(home / "runs")) == [ids[1], ids[2], ids[5], ids[6]]
    later = now + timedelta(days=8)
    assert [one.name for one in plan_runs(home, 1, GRACE, later).gone] == list(plan.aside)
    carry_out_runs(home, plan_runs(home, 1, GRACE, later), later)
    assert os.listdir(home / "runs-aside") == []


def make_run(home: Path, run_id: str, parent: str | None = None) -> None:
    "Return a run, touched on the first of January 2026."
    note = home / "runs" / run_id / "steps" / "05_train.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"step": "05_train", "status": "done", "parent": parent}))
    for path in (note, note.parent.parent):
        os.utime(path, (1767225600, 1767225600))


def test_a_cleanup_of_runs_that_dies_leaves_no_half_run_under_its_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        make_run(home, f"2026010{number}T000000Z-00000{number}")
    carry_out_runs(home, plan_runs(home, 0, GRACE, NOW), NOW)
    later = NOW + timedelta(days=8)
    plan = plan_runs(home, 0, GRACE, later)

    def die(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", die)
    with pytest.raises(VolumeFault, match="Permission denied"):
        carry_out_runs(home, plan, later)
    monkeypatch.undo()
    assert plan_runs(home, 0, GRACE, later).gone == ()
    for path in (home / "runs-aside").iterdir():
        os.utime(path, (0, 0))
        for inside in path.iterdir():
            os.utime(inside, (0, 0))
    plan = plan_runs(home, 0, GRACE, later)
    assert len(plan.litter) == 2
    carry_out_runs(home, plan, later)
    assert os.listdir(home / "runs-aside") == []


def test_two_cleanups_at_once_move_each_run_once(home: Path) -> None:
    make_run(home, "20260101T000000Z-000001")
    plan = plan_runs(home, 0, GRACE, NOW)
    assert carry_out_runs(home, plan, NOW).aside == plan.aside
    assert carry_out_runs(home, plan, NOW).aside == ()
    assert touched(home / "runs" / plan.aside[0]) == datetime(1970, 1, 1, tzinfo=UTC)
