"""What the doctor looks at in feedback: what is kept, whether servers may write it, how much room is left."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from goldenpath.doctor.checks import Finding, bad, good, note
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import read_newest
from goldenpath.feedback.retention import files_below
from goldenpath.settings import Settings

_MEGABYTE = 1_000_000
OLD_REPORT = 2  # days


def check_feedback(settings: Settings) -> Iterator[Finding]:
    "Find out what servers keep of requests, and whether they can."
    if settings.feedback == "off":
        yield note("feedback", "off: nothing is counted, so nothing can be monitored", "feedback = counts")
        return
    folder = FeedbackFolder(settings.home_folder(), settings.model)
    if fault := why_not_writable(folder.path):
        yield bad(
            "feedback", fault, f"chgrp -R 0 and chmod -R g+w {folder.path.parent}, or mount it writable"
        )
        return
    closed = closed_folder(folder)
    if closed:
        yield note(
            "feedback",
            f"only user id {closed.stat().st_uid} may write to {closed}; a server with another one may not",
            f"chmod g+w {closed}, if servers have another user id",
        )
    yield room_for(folder, settings)
    yield judge_report(folder, datetime.now(UTC))


def why_not_writable(folder: Path) -> str:
    "Try to write into a folder, or into the nearest one that exists; return what went wrong."
    place = nearest_folder(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-"):
            return ""
    except OSError as fault:
        return f"{place} cannot be written ({fault.strerror})"


def closed_folder(folder: FeedbackFolder) -> Path | None:
    "Return a folder of feedback that its group may not write; None if there is none."
    places = (folder.path.parent, folder.path, folder.counts, folder.answers, *folder.path.glob("counts/*"))
    return next((path for path in places if path.is_dir() and not path.stat().st_mode & 0o020), None)


def room_for(folder: FeedbackFolder, settings: Settings) -> Finding:
    "Compare what may be kept with what is free."
    places = (folder.counts, folder.answers, folder.outcomes)
    used = sum(file.size for place in places for file in files_below(place)) / _MEGABYTE
    free = shutil.disk_usage(nearest_folder(folder.path)).free / _MEGABYTE
    kept = f"{settings.feedback} for {settings.feedback_days} days, at most {settings.feedback_mb:,} MB"
    detail = f"{kept}; {used:,.1f} MB used, {free:,.0f} MB free"
    if free < settings.feedback_mb - used:
        return note("feedback", detail, "lower feedback_mb, or enlarge the volume")
    return good("feedback", detail)


def nearest_folder(folder: Path) -> Path:
    "Return the folder, or the nearest above it that exists."
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def judge_report(folder: FeedbackFolder, now: datetime) -> Finding:
    "How old is the newest report of the monitor, and what does it say?"
    if not folder.counts.is_dir():
        return note("monitor", "nothing was counted yet", "serve, or score a file with `goldenpath batch`")
    report = read_newest(folder.reports)
    if report is None:
        return note("monitor", "it has not looked yet", "goldenpath monitor")
    days = (now - datetime.fromisoformat(report.time)).total_seconds() / 86_400
    detail = f"{days:.1f} days ago: {report.sentence}"
    if days > OLD_REPORT or report.alarms:
        return note("monitor", detail, "goldenpath monitor")
    return good("monitor", detail)
