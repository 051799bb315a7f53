"""What the monitor reported last, for the metrics and the page: read now and then, never by a request.

Nothing signs a report, and all writers of feedback/ can put anything there: it is read as a small regular
file only, and what it names is bounded before it becomes a metric.
"""

import math
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import REPORT, MonitorReport, VersionReport
from goldenpath.volume import complete, read_file
from serving.watchers.queue import every, reason_of, with_errors_logged

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.metrics_core import GaugeMetricFamily

NAME = "report of the monitor"
REPORT_SECONDS = 30.0  # between two looks for a new report
LARGEST_REPORT = 1 << 23  # bytes
TRIED = 3  # newest reports of which one must be readable
MOST_VERSIONS, MOST_NAMES = 20, 200  # that become metrics
LONGEST_NAME = 100  # characters of a label


class LatestReport:
    "The newest readable report of the monitor, and why there is none."

    def __init__(self, folder: FeedbackFolder) -> None:
        self._folder = folder.reports
        self._latest: tuple[str, MonitorReport | None] = ("", None)
        self.problems: tuple[str, ...] = ()

    @property
    def report(self) -> MonitorReport | None:
        "The newest report; None if there is none."
        return self._latest[1]

    def start(self) -> None:
        "Look now, and again and again in the background."
        threading.Thread(target=with_errors_logged(self.look, NAME), name=NAME, daemon=True).start()
        every(REPORT_SECONDS, self.look, NAME)

    def look(self) -> None:
        "Read the newest report, unless it is known already."
        names = complete(self._folder) if self._folder.is_dir() else []
        latest: tuple[str, MonitorReport | None] = ("", None)
        unreadable = []
        for name in reversed(names[-TRIED:]):
            try:
                latest = self._latest if name == self._latest[0] else (name, self._read(name))
                break
            except (OSError, ValueError) as fault:  # deleted meanwhile, half-visible, foreign: the one before
                unreadable.append(f"monitor report {name} cannot be read ({reason_of(fault)})")
        self._latest, self.problems = latest, tuple(unreadable)

    def _read(self, name: str) -> MonitorReport:
        "Raise ValueError for anything but a report, OSError for anything but a small regular file."
        report = MonitorReport.model_validate_json(read_file(self._folder / name / REPORT, LARGEST_REPORT))
        zoned_time(report.time)
        return report

    def collect(self) -> "Iterator[Metric]":
        "Yield the report as metrics; prometheus_client calls this."
        if report := self.report:
            yield from families(report, datetime.now(UTC))


def zoned_time(text: str) -> datetime:
    "Read a time with its zone. Raises ValueError."
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time


def families(report: MonitorReport, now: datetime) -> "Iterator[GaugeMetricFamily]":
    "Yield the metrics of a report."
    from prometheus_client.metrics_core import GaugeMetricFamily

    age = max(0.0, (now - zoned_time(report.time)).total_seconds())
    yield GaugeMetricFamily("goldenpath_monitor_age_seconds", "Age of the newest report", value=age)
    unmatched = sum(report.unmatched.values())
    share = unmatched / (unmatched + report.outcomes) if unmatched else 0.0
    text = "Share of the outcomes that belong to no answer"
    yield GaugeMetricFamily("goldenpath_monitor_unmatched_share", text, value=share)
    alarms = GaugeMetricFamily("goldenpath_monitor_alarms", "Reasons to look", labels=["kind"])
    for kind in ("realised", "estimated", "input", "drift", "refused"):
        alarms.add_metric([kind], sum(alarm.kind == kind for alarm in report.alarms))
    yield alarms
    yield from (_worth(report.versions[:MOST_VERSIONS]), *_drift(report.versions[:MOST_VERSIONS]))


def _worth(versions: tuple[VersionReport, ...]) -> "GaugeMetricFamily":
    from prometheus_client.metrics_core import GaugeMetricFamily

    text = "Metrics of a version: promised, estimated for the last day, realised"
    family = GaugeMetricFamily("goldenpath_monitor_metric", text, labels=["version", "metric", "origin"])
    for version in versions:
        origins = {
            "promised": version.promised,
            "estimated": version.recent.estimated if version.recent else {},
            "realised": version.whole.realised if version.whole else {},
        }
        for origin, metrics in origins.items():
            for name, value in defined_metrics(metrics):
                family.add_metric([version.version[:LONGEST_NAME], name[:LONGEST_NAME], origin], value)
    return family


def defined_metrics(metrics: dict[str, Interval]) -> Iterator[tuple[str, float]]:
    "Yield those metrics that are defined."
    for name, interval in list(metrics.items())[:MOST_NAMES]:
        if interval.value is not None and math.isfinite(interval.value):
            yield name, interval.value


def _drift(versions: tuple[VersionReport, ...]) -> "tuple[GaugeMetricFamily, GaugeMetricFamily]":
    from prometheus_client.metrics_core import GaugeMetricFamily

    labels = ["version", "field"]
    text = "Jensen-Shannon distance of the last day from the training rows"
    distance = GaugeMetricFamily("goldenpath_monitor_drift", text, labels=labels)
    text = "What windows as large of the training rows stay below"
    limit = GaugeMetricFamily("goldenpath_monitor_drift_limit", text, labels=labels)
    for version in versions:
        figures = version.recent.figures if version.recent else {}
        for name, drift in list(figures.items())[:MOST_NAMES]:
            named = [version.version[:LONGEST_NAME], name[:LONGEST_NAME]]
            if math.isfinite(drift.distance):
                distance.add_metric(named, drift.distance)
            if drift.limit is not None and math.isfinite(drift.limit):
                limit.add_metric(named, drift.limit)
    return distance, limit
