"""The last month in one picture: drawn from the newest report, without a script, safe whatever it holds."""

import math
import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import MonitorReport
from serving.month import BOTTOM, LEFT, RIGHT, TOP, WINDOWS_DRAWN, month_of
from tests.helpers.monitor_reports import NOW, monthly_report
from tests.helpers.serving_app import client
from tests.helpers.serving_fixtures import MODEL


def with_window(report: MonitorReport, **changes: object) -> MonitorReport:
    "Return a report whose newest window is another one."
    version = report.versions[0]
    window = version.windows[-1].model_copy(update=changes)
    changed = version.model_copy(update={"windows": (*version.windows[:-1], window)})
    return report.model_copy(update={"versions": (changed,)})


def test_a_month_has_a_column_for_each_day_and_marks_where_something_moved():
    month = month_of(monthly_report(), "1.0.0-x", NOW)
    assert month.metric == "roc_auc"
    assert (len(month.columns), len(month.estimated), len(month.realised)) == (30, 30, 15)
    assert [bool(column.moved) for column in month.columns] == [False] * 20 + [True] * 10
    assert month.columns[-1].moved == "ward"
    heights = [column.height for column in month.columns]
    assert heights == sorted(heights)
    assert month.most == "3,000"
    assert (month.first, month.last, month.old) == ("2026-10-29", "2026-11-28", "")
    assert month.estimated[0].y < month.estimated[-1].y  # what fell is drawn lower
    first = month.columns[0]
    assert first.x < month.estimated[0].x < first.x + first.width


def test_there_is_no_picture_without_a_report_or_an_answer():
    assert month_of(None, "1.0.0-x", NOW) is None
    silent = monthly_report().versions[0].model_copy(update={"windows": ()})
    assert month_of(monthly_report().model_copy(update={"versions": (silent,)}), "1.0.0-x", NOW) is None


def test_an_old_report_says_how_old_it_is_and_an_older_window_is_left_out():
    month = month_of(monthly_report(days=60), "1.0.0-x", NOW + timedelta(days=5))
    assert month.old == "5 days"
    assert len(month.columns) == 31


def test_the_champion_is_drawn_if_it_answered_else_the_first_that_did():
    first, second = monthly_report("1.0.0-x"), monthly_report("1.1.0-y")
    both = first.model_copy(update={"versions": (*first.versions, *second.versions)})
    assert month_of(both, "1.1.0-y", NOW).version == "1.1.0-y"
    assert month_of(both, "1.2.0-z", NOW).version == "1.0.0-x"


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "yesterday"},
        {"start": "2026-11-28T00:00:00"},
        {"answers": 10**400},
        {"estimated": {"roc_auc": Interval(value=math.inf, low=None, high=None)}},
        {"estimated": {"roc_auc": Interval(value=0.5, low=-math.inf, high=math.nan)}},
    ],
    ids=str,
)
def test_numbers_that_are_none_stay_out_of_the_picture(changes):
    month = month_of(with_window(monthly_report(), **changes), "1.0.0-x", NOW)
    for point in (*month.estimated, *month.realised):
        assert LEFT <= point.x <= RIGHT
        assert TOP <= point.y <= BOTTOM
    assert all(math.isfinite(part) for column in month.columns for part in column[:4])
    assert all(column.height >= 0 for column in month.columns)


def test_a_report_of_the_first_days_of_the_calendar_is_drawn_like_any_other():
    start, end = "0001-01-01T00:00:00+00:00", "0001-01-02T00:00:00+00:00"
    report = with_window(monthly_report(), start=start).model_copy(update={"time": end})
    assert len(month_of(report, "1.0.0-x", NOW).columns) == 1


def test_a_report_of_very_many_windows_draws_the_newest_ones():
    version = monthly_report().versions[0]
    crowd = version.model_copy(update={"windows": version.windows * 400})
    month = month_of(monthly_report().model_copy(update={"versions": (crowd,)}), "1.0.0-x", NOW)
    assert len(month.columns) == WINDOWS_DRAWN


def section(text: str) -> str:
    return re.search(r'<section aria-labelledby="month".*?</section>', text, re.DOTALL)[0]


def test_the_page_shows_the_month_as_svg_and_says_if_there_is_no_report(published: Path):
    asked = client(published)
    state = asked.application.extensions["goldenpath"]
    assert "goldenpath monitor" in section(asked.get("/").text)
    evil = '"><script>alert(1)</script>'
    state.monitor._latest = "a", monthly_report(version=evil).model_copy(update={"sentence": evil})
    shown = section(asked.get("/").text)
    assert "<script" not in shown
    assert "style=" not in shown  # the page's policy would block it
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", shown, re.DOTALL)[0])
    assert len(svg.findall("rect[@class='answers']")) == 30
    assert svg.find("polyline[@class='estimated']").get("points").count(",") == 30


def test_the_folder_is_the_one_that_the_monitor_writes_to(published: Path):
    state = client(published).application.extensions["goldenpath"]
    assert state.monitor._folder == FeedbackFolder(published, MODEL).reports
