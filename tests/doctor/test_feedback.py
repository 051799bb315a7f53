"""The doctor on feedback: what is kept, who may write it, how much room there is, when the monitor looked."""

import shutil
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.doctor.feedback import check_feedback, judge_report
from goldenpath.feedback.counts import Counts, write_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.settings import Settings
from tests.helpers.monitor_reports import monthly_report, save_monthly

MODEL = "visits"
NOW = datetime.now(UTC)


@pytest.fixture
def folder(home: Path) -> FeedbackFolder:
    return FeedbackFolder(home, MODEL)


def findings(home: Path, **changes: object) -> dict[str, tuple[str, str]]:
    "Return status and detail of each finding; of several of one name the first."
    settings = Settings.model_validate({"home": str(home), "model": MODEL, **changes})
    return {
        one.what: (one.status, f"{one.detail} -> {one.remedy}")
        for one in reversed([*check_feedback(settings)])
    }


def count(folder: FeedbackFolder) -> None:
    write_counts(
        folder, Counts(version="1.0.0-x", role="champion", hour="2026-11-28T12", writer="a", answers=5)
    )


def test_a_new_home_can_be_written_and_nothing_was_counted(home: Path):
    seen = findings(home)
    assert seen["feedback"][0] == "good"
    assert "counts for 90 days, at most 1,000 MB; 0.0 MB used" in seen["feedback"][1]
    assert seen["monitor"] == (
        "note",
        "nothing was counted yet -> serve, or score a file with `goldenpath batch`",
    )
    assert list(home.iterdir()) == []


def test_off_is_worth_a_note(home: Path):
    assert findings(home, feedback="off") == {
        "feedback": ("note", "off: nothing is counted, so nothing can be monitored -> feedback = counts")
    }


def test_a_folder_that_cannot_be_written_is_bad():
    status, text = findings(Path("/proc"))["feedback"]  # where even root can make no file
    assert status == "bad"
    assert "/proc cannot be written" in text
    assert "chmod -R g+w /proc/feedback" in text


def test_a_folder_that_only_its_owner_may_write_is_named(folder: FeedbackFolder, home: Path):
    count(folder)
    for path in (folder.path.parent, folder.path, folder.counts, folder.counts / "1.0.0-x"):
        path.chmod(0o775)
    assert findings(home)["feedback"][0] == "good"
    (folder.counts / "1.0.0-x").chmod(0o755)
    status, text = findings(home)["feedback"]
    assert status == "note"
    assert f"may write to {folder.counts / '1.0.0-x'}" in text


def test_too_little_room_is_named(folder: FeedbackFolder, home: Path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(10**12, 10**12, 10**8))
    status, text = findings(home, feedback_mb=500)["feedback"]
    assert status == "note"
    assert "100 MB free -> lower feedback_mb" in text


def test_what_is_used_is_added_up(folder: FeedbackFolder, home: Path):
    folder.answers.mkdir(parents=True)
    (folder.answers / "a.parquet").write_bytes(b"x" * 2_500_000)
    folder.answers.chmod(0o775), folder.path.chmod(0o775), folder.path.parent.chmod(0o775)
    assert "2.5 MB used" in findings(home)["feedback"][1]


def test_the_monitors_last_look_is_told_with_its_sentence(folder: FeedbackFolder):
    count(folder)
    assert judge_report(folder, NOW).detail == "it has not looked yet"
    save_monthly(folder.reports, monthly_report(now=NOW - timedelta(days=1)), NOW)
    fresh = judge_report(folder, NOW)
    assert (fresh.status, fresh.detail) == ("good", "1.0 days ago: ROC AUC fell in the last ten days.")
    assert judge_report(folder, NOW + timedelta(days=3)).status == "note"
    later = NOW + timedelta(hours=1)
    save_monthly(folder.reports, monthly_report(kinds=("input",), now=NOW), later)
    assert judge_report(folder, NOW).status == "note"
