"""The whole circle: train, serve, drift, outcomes, retraining from feedback, challenger, promotion."""

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from goldenpath.feedback.monitor import MonitorReport
from goldenpath.steps.stand_in import draw_stand_in
from tests.helpers.circle import Circle
from tests.helpers.trained_run import settings_for

PARTS = (0, 1 / 8, 4 / 8, 7 / 8, 1)  # where the rows are cut that callers ask about
SETTINGS = {
    "model": "circle",
    "candidates": "linear",
    "choose": "linear",
    "slices": "sex",
    "gate_floors": "",
    "auto_promote": "no",
}


def circle_in(home: Path, **changes: object) -> Circle:
    home.mkdir()
    return Circle(home, settings_for(home, **(SETTINGS | changes)))


def in_new_codes(rows: pd.DataFrame) -> pd.DataFrame:
    "Return rows as a caller sends them whose age groups were turned around by mistake."
    ages = sorted(set(rows["age_group"]) - {"Missing"})
    return rows.assign(age_group=rows["age_group"].replace(dict(zip(ages, reversed(ages), strict=True))))


def alarms(report: MonitorReport) -> set[str]:
    return {alarm.kind for alarm in report.alarms}


def parts_of(rows: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    "Cut rows into what is asked about calmly, and three parts that are turned around."
    calm, *others = (rows[int(start * len(rows)) : int(end * len(rows))] for start, end in pairwise(PARTS))
    return calm, *map(in_new_codes, others)


def tell_the_story(circle: Circle, source: str, rows: pd.DataFrame, share: float) -> None:
    "Go once around: train on a source; callers ask about other rows, at first as the source has them."
    registry = circle.project.registry
    calm, turned, tried, later = parts_of(rows)
    first = circle.train("20261101T000000Z-aaaaaa", source)
    registry.promote(first, why="the first one", who="ada@example.org")
    with circle.serving() as server:
        circle.ask(server, calm, "calm")
    assert alarms(circle.monitor()) == set()

    with circle.serving() as server:
        outcomes = circle.ask(server, turned, "turned")
    drift = circle.monitor()
    assert alarms(drift) <= {"input", "drift", "estimated"}
    assert alarms(drift)
    assert "age_group" in drift.versions[0].recent.moved  # type: ignore[union-attr]

    circle.learn(outcomes)
    assert "realised" in alarms(circle.monitor())

    second = circle.train("20261102T000000Z-bbbbbb", "feedback")
    assert registry.roles().champion == first
    registry.promote(second, "challenger", share, why="trained on feedback", who="ada@example.org")
    with circle.serving() as server:
        circle.learn(circle.ask(server, tried, "tried"))
    (comparison, *_) = circle.monitor().comparisons
    assert (comparison.version, comparison.against, comparison.needed) == (first, second, 0)
    assert comparison.difference.low is not None
    assert comparison.difference.low > 0

    registry.promote(second, why="better on outcomes", who="ada@example.org")
    with circle.serving() as server:
        circle.learn(circle.ask(server, later, "later"))
    assert alarms(circle.monitor(version="champion")) == set()


def test_the_circle_closes_on_synthetic_rows(tmp_path: Path) -> None:
    circle = circle_in(tmp_path / "home")
    source = tmp_path / "rows.csv"
    draw_stand_in(12_000, 1).to_csv(source, index=False)
    rows = draw_stand_in(14_000, 2)
    known = rows[rows["death_yn"].isin(["Yes", "No"])].astype(str)
    tell_the_story(circle, str(source), known, share=0.5)


@pytest.mark.slow
def test_the_circle_closes_on_real_rows_with_a_challenger_on_a_tenth(real_rows: Path, tmp_path: Path) -> None:
    later = real_rows.with_name("cdc_case_surveillance_later_10k.csv")
    early, other = pd.read_csv(real_rows, dtype=str), pd.read_csv(later, dtype=str)
    source = tmp_path / "rows.csv"
    early[:8_000].to_csv(source, index=False)
    rows = pd.concat([early[8_000:], other])
    clean = rows[(rows["hosp_yn"] != "OTH") & (rows["sex"] != "Other")]
    tell_the_story(circle_in(tmp_path / "home"), str(source), clean, share=0.1)
