"""`goldenpath monitor`."""

from datetime import timedelta

import click

from goldenpath.cli.options import duration
from goldenpath.cli.terminal import near, put, say, show, table
from goldenpath.errors import MonitorAlarm
from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.monitor import PAGE, MonitorReport, VersionReport
from goldenpath.project import Project
from goldenpath.text.text_table import TextTable, styled

NEWEST_SHOWN = 10  # windows of a version in the terminal; the page has all


@click.command()
@click.option(
    "--since", callback=duration, default="7d", show_default=True, help="Time to look back: 7d, 12h or 30m."
)
@click.option("--version", "-V", "name", default="", help="A version or role; all that answered without it.")
@click.option("--against", default="", help="The version or role to compare with on outcomes.")
def monitor(since: timedelta, name: str, against: str) -> None:
    """Say what moved, and what each version is worth now.

    Reads what servers and batch jobs counted, and outcomes if there are any, and writes monitor.html and
    monitor.json. Exit code 4: a version is worth less than promised, or its input is broken; the reasons are
    printed. A distribution that moved is information, and no reason by itself.
    """
    from goldenpath.steps.monitor import run_monitor

    report, folder = run_monitor(Project(), since, name, against)
    put(report.sentence)
    for version in report.versions:
        put(headline_of(version))
        if (worth := worth_table(version)).row_count:
            show(worth)
        show(windows_table(version, report))
    for line in lines_of(report):
        put(line)
    say(f"report: {near(folder / PAGE)}")
    if report.alarms:
        count = len(report.alarms)
        raise MonitorAlarm(f"{count} reason{'s' if count > 1 else ''} to look, above; docs/how-to/monitor.md")


def lines_of(report: MonitorReport) -> list[str]:
    "Return the reasons, what moved besides, comparisons and problems, a line each."
    lines = [f"{alarm.kind}, {alarm.version}: {alarm.text}" for alarm in report.alarms]
    lines += [f"first: {report.first}"] if report.first else []
    lines += [f"moved: {line}" for line in report.moved]
    lines += [f"compared: {comparison.text}" for comparison in report.comparisons]
    lines += [f"without an answer: {count:,} outcomes, {why}" for why, count in report.unmatched.items()]
    return lines + [f"problem: {problem}" for problem in report.problems]


def headline_of(version: VersionReport) -> str:
    "Say how often a version answered, and what is missing."
    roles = ", ".join(f"{answers:,} answers as {role}" for role, answers in version.roles.items())
    return "; ".join(filter(None, (f"{version.version}: {roles}", version.note)))


def worth_table(version: VersionReport) -> TextTable:
    "Lay what was promised beside what is estimated and realised."
    columns = ("metric", "promised", "estimated, last day", "realised")
    listing = table("", *columns, numbers=columns[1:])
    estimated = version.recent.estimated if version.recent else {}
    realised = version.whole.realised if version.whole else {}
    for metric in [name for name in version.promised if name in estimated or name in realised]:
        listing.add_row(metric, *(span_in(part, metric) for part in (version.promised, estimated, realised)))
    return listing


def windows_table(version: VersionReport, report: MonitorReport) -> TextTable:
    "List the newest windows, with the first metric that is estimated or realised."
    measured = {name for window in version.windows for name in (*window.estimated, *window.realised)}
    metric = next((name for name in version.promised if name in measured), "")
    numbers = ("answers", "refused", *(("estimated", "realised") if metric else ()))
    title = f"{metric or 'answers'} by {report.every}"
    listing = table(title, "from", *numbers, "beyond the limit", numbers=numbers)
    listing.columns[0].no_wrap = True
    listing.columns[-1].max_width = 32
    for window in version.windows[-NEWEST_SHOWN:]:
        worth = [value_in(part, metric) for part in (window.estimated, window.realised)] if metric else []
        start, counts = window.start[:16].replace("T", " "), (f"{window.answers:,}", f"{window.refused:,}")
        listing.add_row(start, *counts, *worth, styled(", ".join(window.moved), "yellow"))
    return listing


def value_in(metrics: dict[str, Interval], name: str) -> str:
    "Format a metric; empty if it was not measured."
    value = metrics[name].value if name in metrics else None
    return "" if value is None else f"{value:.3f}"


def span_in(metrics: dict[str, Interval], name: str) -> str:
    "Format a metric with its interval; empty if it was not measured."
    if name not in metrics or metrics[name].low is None or metrics[name].high is None:
        return value_in(metrics, name)
    return f"{value_in(metrics, name)} [{metrics[name].low:.3f}, {metrics[name].high:.3f}]"
