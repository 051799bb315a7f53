"""Reports of the monitor to serve and to alarm about: a month of days with a version that gets worse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.monitor import (
    Alarm,
    AlarmKind,
    Drift,
    MonitorReport,
    VersionReport,
    Window,
    save_report,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def interval(value: float) -> Interval:
    return Interval(value=value, low=value - 0.02, high=value + 0.02)


def day(start: datetime, number: int) -> Window:
    "Return one day; from the 20th on a field has moved, and every second day has outcomes."
    far = number >= 20
    return Window(
        start=start.isoformat(),
        end=(start + timedelta(days=1)).isoformat(),
        answers=100 * (number + 1),
        refused=number,
        drift={"ward": Drift(distance=0.3 if far else 0.02, limit=0.1)},
        scores={"yes": Drift(distance=0.05, limit=0.1)},
        estimated={"roc_auc": interval(0.75 if far else 0.9)},
        realised={"roc_auc": interval(0.7 if far else 0.88)} if number % 2 else {},
        outcomes=50 * (number % 2),
    )


def monthly_report(
    version: str = "1.0.0-x",
    kinds: tuple[AlarmKind, ...] = (),
    days: int = 30,
    now: datetime = NOW,
    unmatched: int = 0,
) -> MonitorReport:
    "Return the report of a month that ends now, with an alarm of each kind."
    windows = tuple(day(now - timedelta(days=days - number), number) for number in range(days))
    alarm = {"version": version, "name": "roc_auc", "since": windows[0].start, "text": "It fell."}
    return MonitorReport(
        time=now.isoformat(),
        since=windows[0].start,
        until=now.isoformat(),
        model="visits",
        every="day",
        versions=(
            VersionReport(
                version=version,
                roles={"champion": sum(window.answers for window in windows)},
                promised={"roc_auc": interval(0.9), "recall": interval(0.5)},
                windows=windows,
                recent=windows[-1],
                whole=windows[-1],
            ),
        ),
        alarms=tuple(Alarm(kind=kind, **alarm) for kind in kinds),
        unmatched={"no such id": unmatched} if unmatched else {},
        outcomes=100,
        sentence="ROC AUC fell in the last ten days.",
    )


def save_monthly(reports: Path, report: MonitorReport, now: datetime = NOW) -> Path:
    "Place a report as the monitor does, and return its folder."
    return save_report(reports, report, "<p>page</p>", now)
