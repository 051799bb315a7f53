"""monitor.html: complete in itself, safe with any text in it, and readable on a phone."""

import re
from pathlib import Path
from typing import Any

import pytest

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.monitor import (
    Alarm,
    Drift,
    MonitorReport,
    VersionComparison,
    VersionReport,
    Window,
)
from goldenpath.report.monitor_page import BLIND, monitor_page
from tests.helpers.browser import browser_page
from tests.report.test_page import Page

HOSTILE = "<script>alert(1)</script>"
WORTH = Interval(value=0.9, low=0.85, high=0.95)
PROMISED = Interval(value=0.95, low=0.94, high=0.96)


def window_at(hour: int) -> Window:
    "Return a window in which one field has moved, and one level carries markup."
    return Window(
        start=f"2026-11-28T{hour:02}:00:00+00:00",
        end=f"2026-11-28T{hour + 1:02}:00:00+00:00",
        answers=1_234,
        refused=5,
        refusals={HOSTILE: 5},
        labels={"yes": 234, "no": 1_000},
        drift={
            "ward": Drift(
                distance=0.2,
                limit=0.05,
                missing=0.3,
                burst=("missing",),
                lost="west",
                change=f"{HOSTILE} 1% -> 9%",
            ),
            "age": Drift(distance=0.02, limit=0.05),
        },
        scores={"yes": Drift(distance=0.04, limit=0.05)},
        estimated={"roc_auc": WORTH},
        realised={"roc_auc": WORTH},
        outcomes=300,
    )


@pytest.fixture(scope="module")
def report() -> MonitorReport:
    "Return a report with everything that a page can show."
    windows = tuple(map(window_at, range(8)))
    version = VersionReport(
        version="1.0.0-x",
        roles={"champion": 8_000},
        promised={"roc_auc": PROMISED, "brier": PROMISED},
        windows=windows,
        recent=windows[-1],
        whole=windows[-1],
    )
    old = VersionReport(
        version="0.9.0-x", roles={}, promised={}, windows=(), recent=None, whole=None, note="Too old."
    )
    comparison = VersionComparison(
        version="1.0.0-x",
        against="1.1.0-y",
        metric="roc_auc",
        outcomes=(300, 200),
        values=(WORTH, WORTH),
        difference=Interval(value=0.0, low=-0.1, high=0.1),
        needed=4_321,
        text="It takes more outcomes.",
    )
    alarm = Alarm(
        kind="estimated", version="1.0.0-x", name="roc_auc", since=windows[0].start, text="It fell."
    )
    return MonitorReport(
        time="2026-11-28T08:00:00+00:00",
        since="2026-11-28T00:00:00+00:00",
        until="2026-11-28T08:00:00+00:00",
        model="visits",
        every="hour",
        judged=("roc_auc",),
        versions=(version, old),
        alarms=(alarm,),
        moved=("ward moved.",),
        first="ward came first",
        comparisons=(comparison,),
        unmatched={"no answer has this id": 17},
        outcomes=300,
        problems=(f"{HOSTILE} is damaged",),
        sentence="1.0.0-x needs a person.",
    )


@pytest.fixture(scope="module")
def text(report: MonitorReport) -> str:
    "Return the page."
    return monitor_page(report)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(text: str) -> None:
    page = Page(text)
    kinds = {tag for tag, _ in page.tags}
    assert not kinds & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert all(source.startswith("data:image/png;base64,") for source in page.values("src"))
    assert {target.removeprefix("#") for target in page.values("href")} <= set(page.values("id"))
    assert not re.search(r"url\(|@import|https?://", text)


def test_every_picture_has_words(text: str) -> None:
    images = [attributes for tag, attributes in Page(text).tags if tag == "img"]
    assert len(images) == 3
    assert all(image["alt"] for image in images)


def test_the_page_shows_everything_that_the_report_holds(text: str) -> None:
    shown = " ".join(Page(text).text.split())
    for part in (
        "1.0.0-x needs a person.",
        "It fell.",
        "ward moved.",
        "First: ward came first",
        "8,000 answers as champion; 5 requests refused.",
        "0.950 [0.940, 0.960]",
        "0.900 [0.850, 0.950]",
        "30.0%",
        f"{HOSTILE} 1% -> 9%; lacks west",
        "Too old.",
        "It takes more outcomes.",
        "4,321",
        "no answer has this id",
        f"{HOSTILE} is damaged",
        *BLIND,
    ):
        assert part in shown


def test_the_field_that_moved_most_comes_first(text: str) -> None:
    rows = re.findall(r'<th scope="row">(ward|age|score of yes)</th>', text)
    assert rows == ["ward", "score of yes", "age"]


def test_a_report_without_answers_is_a_page_too(report: MonitorReport) -> None:
    empty = report.model_copy(
        update={"versions": (), "alarms": (), "comparisons": (), "first": "", "moved": ()}
    )
    assert "Nothing is beyond the limits" in monitor_page(empty)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_the_width(browser: Any, text: str, tmp_path: Path, width: int) -> None:
    (tmp_path / "monitor.html").write_text(text)
    with browser_page(browser, width, 900) as page:
        page.goto(f"file://{tmp_path / 'monitor.html'}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
