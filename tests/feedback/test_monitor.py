"""Monitor reports: placed as a whole, the newest read, old ones deleted; when training is due."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.monitor import (
    PAGE,
    REPORT,
    REPORTS_KEPT,
    Alarm,
    AlarmKind,
    Drift,
    MonitorReport,
    VersionReport,
    Window,
    read_newest,
    retraining_due,
    save_report,
)
from goldenpath.volume import complete

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def report_of(kind: AlarmKind | None = None, sentence: str = "All is well.") -> MonitorReport:
    "Return a report of one window, with one alarm if a kind is given."
    window = Window(
        start="2026-11-28T11:00:00+00:00",
        end="2026-11-28T12:00:00+00:00",
        answers=1_000,
        drift={"ward": Drift(distance=0.2, limit=0.1)},
        scores={"yes": Drift(distance=0.05, limit=0.1)},
        estimated={"roc_auc": Interval(value=0.9, low=0.8, high=0.95)},
    )
    version = VersionReport(
        version="1.0.0-x",
        roles={"champion": 1_000},
        promised={},
        windows=(window,),
        recent=window,
        whole=window,
    )
    alarm = {"version": "1.0.0-x", "name": "roc_auc", "since": window.start, "text": "A sentence."}
    return MonitorReport(
        time=NOW.isoformat(),
        since="2026-11-21T12:00:00+00:00",
        until=NOW.isoformat(),
        model="visits",
        every="hour",
        versions=(version,),
        alarms=(Alarm(kind=kind, **alarm),) if kind else (),
        sentence=sentence,
    )


def test_a_saved_report_is_read_as_it_was(tmp_path: Path) -> None:
    report = report_of("estimated")
    folder = save_report(tmp_path / "monitor", report, "<p>page</p>", NOW)
    assert read_newest(tmp_path / "monitor") == report
    assert (folder / PAGE).read_text() == "<p>page</p>"


def test_the_newest_report_is_read(tmp_path: Path) -> None:
    for day in (2, 1, 3):
        save_report(tmp_path, report_of(sentence=f"day {day}"), "", NOW + timedelta(days=day))
    newest = read_newest(tmp_path)
    assert newest is not None
    assert newest.sentence == "day 3"


def test_a_damaged_report_leaves_the_one_before(tmp_path: Path) -> None:
    save_report(tmp_path, report_of(sentence="sound"), "", NOW)
    damaged = save_report(tmp_path, report_of(), "", NOW + timedelta(hours=1))
    (damaged / REPORT).chmod(0o644)
    (damaged / REPORT).write_text('{"format": 1, "ti')
    newest = read_newest(tmp_path)
    assert newest is not None
    assert newest.sentence == "sound"


def test_without_a_report_there_is_none(tmp_path: Path) -> None:
    assert read_newest(tmp_path / "nothing") is None


def test_old_reports_are_deleted(tmp_path: Path) -> None:
    for number in range(REPORTS_KEPT):
        (tmp_path / f"20250101T000000.{number:06}Z").mkdir()
    newest = save_report(tmp_path, report_of(), "", NOW)
    assert len(complete(tmp_path)) == REPORTS_KEPT
    assert newest.name in complete(tmp_path)
    assert "20250101T000000.000000Z" not in complete(tmp_path)


def test_only_what_is_beyond_its_limit_has_moved() -> None:
    window = report_of().versions[0].windows[0]
    assert [*window.figures] == ["ward", "score of yes"]
    assert [*window.moved] == ["ward"]


def test_a_figure_of_few_answers_has_no_limit_and_has_not_moved() -> None:
    assert not Drift(distance=0.9, limit=None).beyond


def test_values_out_of_range_are_a_move_of_their_own() -> None:
    assert Drift(distance=0.0, limit=0.1, outside=0.2, outside_limit=0.1).beyond


@pytest.mark.parametrize(
    ("kind", "due"),
    [
        ("realised", True),
        ("estimated", True),
        ("input", False),
        ("drift", False),
        ("refused", False),
        (None, False),
    ],
)
def test_training_is_due_for_what_it_can_mend_alone(kind: AlarmKind | None, due: bool) -> None:
    assert retraining_due(report_of(kind), None, 7, NOW) is due


@pytest.mark.parametrize(("kind", "due"), [("estimated", False), ("realised", True)])
def test_an_estimate_on_broken_input_is_no_reason_to_train(kind: AlarmKind, due: bool) -> None:
    report = report_of(kind)
    both = report.model_copy(update={"alarms": (*report.alarms, *report_of("input").alarms)})
    assert retraining_due(both, None, 7, NOW) is due


@pytest.mark.parametrize(("days", "due"), [(6.9, False), (7, True)])
def test_training_is_not_due_soon_after_the_last_one(days: float, due: bool) -> None:
    trained = NOW - timedelta(days=days)
    assert retraining_due(report_of("realised"), trained, 7, NOW) is due


def holds(new: Any, old: Any) -> bool:
    "Check that JSON still has everything that it had."
    if isinstance(old, dict):
        return all(name in new and holds(new[name], value) for name, value in old.items())
    if isinstance(old, list):
        return len(new) == len(old) and all(map(holds, new, old))
    return bool(new == old)


def test_a_report_of_the_first_release_is_read_with_everything_in_it() -> None:
    stored = Path(__file__).with_name("monitor-1.json").read_text("utf-8")
    report = MonitorReport.model_validate_json(stored)
    assert holds(json.loads(report.model_dump_json()), json.loads(stored))
