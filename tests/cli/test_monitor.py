"""`goldenpath monitor`, as a person types it: exit codes, the sentence first, messages for wrong input."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from goldenpath.cli import cli
from goldenpath.feedback.counts import Counts, hour_of, write_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import PAGE, REPORT, read_newest
from tests.helpers.project import PROJECT

OLD = "1.0.0-20261128T053542Z-3a8a4e93"  # a stored version that has no profile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeedbackFolder:
    "Return where servers of the stored example of a registry would count."
    home = tmp_path / "home"
    shutil.copytree(PROJECT / "tests/data/format-1/home", home)
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_MODEL", "covid-death")
    return FeedbackFolder(home, "covid-death")


def count(folder: FeedbackFolder, hours_ago: int = 0, **changes: Any) -> None:
    "Write what a worker counted in an hour."
    hour = hour_of(datetime.now(UTC) - timedelta(hours=hours_ago))
    named: dict[str, Any] = {
        "version": OLD,
        "role": "champion",
        "hour": hour,
        "writer": "a-1-2",
        "answers": 300,
    }
    write_counts(folder, Counts(**(named | changes)))


def monitor(*words: str) -> Result:
    return CliRunner().invoke(cli, ["monitor", *words], catch_exceptions=False)


def test_the_sentence_comes_first_and_the_report_is_saved(folder: FeedbackFolder) -> None:
    count(folder)
    result = monitor()
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{OLD} answered 300 times; an older release made the version")
    report = read_newest(folder.reports)
    assert report is not None
    assert report.sentence == result.stdout.splitlines()[0]
    (saved,) = folder.reports.iterdir()
    assert sorted(file.name for file in saved.iterdir()) == [PAGE, REPORT]


def test_reasons_to_act_are_exit_code_4(folder: FeedbackFolder) -> None:
    count(folder, refused=100, refusals={"age_group": 100})
    result = monitor()
    assert result.exit_code == 4
    assert result.stdout.startswith(f"{OLD} needs a person: 100 of 400 requests were refused")
    assert "error: 1 reason to look" in result.stderr


def test_a_few_requests_are_no_reason_whatever_they_are(folder: FeedbackFolder) -> None:
    count(folder, answers=1, refused=2, refusals={"age_group": 2})
    result = monitor()
    assert result.exit_code == 0, result.output
    assert f"{OLD} answered 1 times" in result.stdout


def test_tables_fit_100_columns(folder: FeedbackFolder) -> None:
    for hour in range(12):
        count(folder, hour)
    lines = monitor().stdout.splitlines()
    table = [line for line in lines if line.startswith(("│", "┃", "┏"))]
    assert len(table) > 10
    assert max(map(len, table)) <= 100


def test_nothing_answered_in_this_time_is_said_and_is_no_alarm(folder: FeedbackFolder) -> None:
    count(folder, hours_ago=50)
    result = monitor("--since", "1d")
    assert result.exit_code == 0
    assert result.stdout.startswith("Nothing was answered in this time.")


def test_without_feedback_the_message_says_what_makes_it(folder: FeedbackFolder) -> None:
    result = monitor()
    assert result.exit_code == 2
    assert "nothing was counted yet; serve with `feedback = counts`" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--since", "7x"), 2, "'7x' is not a time such as 7d, 12h or 30m"),
        (("--since", "999999999d"), 2, "is longer than a time may be"),
        (("--version", OLD[:-1] + "4"), 2, f"did you mean '{OLD}'?"),
        (("--against", "1.0.0"), 2, "there is no version '1.0.0'"),
        (("--version", "shadow"), 1, "no version of covid-death is shadow"),
    ],
)
def test_wrong_input_is_named(
    folder: FeedbackFolder, words: tuple[str, ...], code: int, message: str
) -> None:
    count(folder)
    result = monitor(*words)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_requests_that_no_version_answered_are_named(folder: FeedbackFolder) -> None:
    count(folder, version="", answers=0, refused=7, refusals={"(not JSON)": 7})
    assert "7 requests were refused while no version answered" in monitor().stdout
