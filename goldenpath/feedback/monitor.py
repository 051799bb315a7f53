"""What the monitor reports of the versions that answered: the records, and their place on the volume.

A report is two files, `monitor.json` for programs and `monitor.html` for people, in a folder named after the
time it was made; the folder appears as a whole. The newest one is what the page, the metrics and
`goldenpath models list` show.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.slices import Slice
from goldenpath.feedback.counts import Natural
from goldenpath.records import Frozen
from goldenpath.volume import complete, faults, place, read_file, write_file

REPORT, PAGE = "monitor.json", "monitor.html"
REPORT_NAME = "%Y%m%dT%H%M%S.%fZ"  # of a report's folder: ordered by name as by time
REPORTS_KEPT = 100  # reports; older ones are deleted
LIMIT = 1 << 26  # bytes of a report
AlarmKind = Literal["realised", "estimated", "input", "drift", "refused"]
WORTH: tuple[AlarmKind, ...] = ("realised", "estimated")  # alarms that training again may mend


class Drift(Frozen):
    "How far the values of a field, or the scores, of one window are from those the version was made with."

    distance: float  # Jensen-Shannon, 0 to 1: 0 if all shares are the same
    limit: float | None  # what windows as large of the version's own data stay below; None: too few answers
    stability: float | None = None  # population stability index
    chi_square: float | None = None
    kolmogorov_smirnov: float | None = None  # of numbers and scores
    missing: float = 0.0  # share of the answers
    unseen: float = 0.0  # share of levels that training rows hardly had
    outside: float = 0.0  # share of numbers beyond those of the training rows
    outside_limit: float = 1.0
    burst: tuple[str, ...] = ()  # of these three, those of which there is more than training rows explain
    lost: str = ""  # the commonest level of the training rows that does not occur, if that is not chance
    change: str = ""  # the cell whose share changed most, in words

    @property
    def beyond(self) -> bool:
        "Does it move more than windows of this size of the version's own data?"
        return self.limit is not None and (self.distance > self.limit or self.outside > self.outside_limit)


class Window(Frozen):
    "The answers of one version in one stretch of time."

    start: str  # UTC, ISO 8601
    end: str  # the first moment after it
    answers: Natural
    refused: Natural = 0  # requests that broke the contract
    refusals: dict[str, Natural] = Field(default_factory=dict)  # those by each wrong field or kind of problem
    labels: dict[str, Natural] = Field(default_factory=dict)  # decisions
    drift: dict[str, Drift] = Field(default_factory=dict)  # by field; empty if the version has no profile
    scores: dict[str, Drift] = Field(default_factory=dict)  # by outcome; "value" for a quantity
    estimated: dict[str, Interval] = Field(default_factory=dict)  # metrics, without outcomes
    realised: dict[str, Interval] = Field(
        default_factory=dict
    )  # metrics, on the answers whose outcome is known
    outcomes: Natural = 0  # answers whose outcome is known

    @property
    def moved(self) -> dict[str, Drift]:
        "What is beyond its limit: fields by name, scores as `score of NAME`."
        return {name: drift for name, drift in self.figures.items() if drift.beyond}

    @property
    def figures(self) -> dict[str, Drift]:
        "Fields by name, scores as `score of NAME`."
        return self.drift | {f"score of {name}": drift for name, drift in self.scores.items()}


class VersionReport(Frozen):
    "One version, online or in batch jobs, over the time of the report."

    version: str
    roles: dict[str, Natural]  # answers by role
    promised: dict[str, Interval]  # metrics on test rows, when the version was made
    expected: dict[str, Interval] = Field(default_factory=dict)  # estimates on the version's own data
    windows: tuple[Window, ...]
    recent: Window | None  # the last day, as one window: what alarms are about
    whole: Window | None  # all of the time, as one window
    slices: tuple[Slice, ...] = ()  # realised, if records are kept
    note: str = ""  # what cannot be said of this version, and why

    def now(self, metric: str) -> tuple[Literal["realised", "estimated"], Interval] | None:
        "Return what a metric is now: realised if outcomes are known, else estimated; None if neither."
        if self.whole and metric in self.whole.realised:
            return "realised", self.whole.realised[metric]
        if self.recent and metric in self.recent.estimated:
            return "estimated", self.recent.estimated[metric]
        return None


class Alarm(Frozen):
    "A reason for exit code 4."

    kind: AlarmKind
    version: str
    name: str  # metric or field; "" for refusals
    since: str  # start of the first window of this stretch
    text: str  # one sentence


class VersionComparison(Frozen):
    "Two versions on their own outcomes: the second minus the first."

    version: str
    against: str
    metric: str
    outcomes: tuple[int, int]  # answers with outcomes, of each
    values: tuple[Interval, Interval]
    difference: Interval
    needed: int | None  # further outcomes, of the version with fewer, that show which is better; 0: these do
    text: str


class MonitorReport(Frozen):
    "What was asked and answered since a time, what moved, and what the versions are worth now."

    format: Literal[1] = 1
    time: str  # UTC, ISO 8601
    since: str
    until: str
    model: str
    every: Literal["hour", "day", "week"]  # length of a window
    judged: tuple[str, ...] = ()  # metrics that the gate judges
    versions: tuple[VersionReport, ...]
    alarms: tuple[Alarm, ...] = ()
    moved: tuple[str, ...] = ()  # what is beyond its limit without being an alarm, one sentence each
    first: str = ""  # what left its band first, and when
    comparisons: tuple[VersionComparison, ...] = ()
    unmatched: dict[str, Natural] = Field(
        default_factory=dict
    )  # outcomes without an answer, by the likely reason
    outcomes: Natural = 0  # that were joined with an answer
    problems: tuple[str, ...] = ()  # files that could not be read
    sentence: str

    @property
    def retraining_may_help(self) -> bool:
        """Is a version worth less than it should be?

        Broken input and drift are not mended by training, and an estimate on broken input shows nothing else.
        """
        broken = {alarm.version for alarm in self.alarms if alarm.kind == "input"}
        return any(
            alarm.kind == "realised" or (alarm.kind == "estimated" and alarm.version not in broken)
            for alarm in self.alarms
        )


def retraining_due(
    report: MonitorReport,
    trained: datetime | None,  # when the last training began; None: never
    days: float,  # that must lie between two trainings
    now: datetime,
) -> bool:
    "Decide whether a schedule should train: a version is worth less than promised, and the last is long ago."
    rested = trained is None or now - trained >= timedelta(days=days)
    return report.retraining_may_help and rested


def save_report(
    folder: Path,  # of all reports
    report: MonitorReport,
    page: str,  # HTML
    now: datetime,
) -> Path:
    "Write a report and its page as a whole, delete the oldest, and return its folder. Raises VolumeFault."

    def fill(staged: Path) -> None:
        write_file(staged / REPORT, report.model_dump_json(indent=1).encode() + b"\n")
        write_file(staged / PAGE, page.encode())

    destination = folder / now.astimezone(UTC).strftime(REPORT_NAME)
    place(destination, fill)
    for name in complete(folder)[:-REPORTS_KEPT]:
        shutil.rmtree(folder / name, ignore_errors=True)  # another process may delete it as well
    return destination


def read_newest(
    folder: Path,  # of all reports
) -> MonitorReport | None:
    "Return the newest readable report; None if there is none. Raises VolumeFault."
    with faults(folder):
        names = complete(folder) if folder.is_dir() else []
    for name in reversed(names):
        try:
            return MonitorReport.model_validate_json(read_file(folder / name / REPORT, LIMIT))
        except (OSError, ValidationError):  # deleted meanwhile, half-visible, or damaged: the one before
            continue
    return None
