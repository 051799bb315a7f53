"""`goldenpath doctor`."""

import sys

import click

from goldenpath.cli.terminal import put, say, show, styled, table
from goldenpath.doctor.checks import examine
from goldenpath.doctor.feedback import check_feedback
from goldenpath.doctor.kale import check_kale
from goldenpath.doctor.mlflow import check_mlflow
from goldenpath.doctor.rows import ROWS, check_champion
from goldenpath.doctor.volume_race import RaceReport, race, race_with
from goldenpath.doctor.workbench import CLUSTER
from goldenpath.settings import load_settings

_STYLE = {"good": "green", "note": "yellow", "bad": "bold red"}


@click.command()
@click.option("--volume", is_flag=True, help="Race two writers on home: can the volume be trusted?")
@click.option(
    "--with", "other", default="", metavar="NAME", help="Race a second pod that says the same NAME."
)
def doctor(volume: bool, other: str) -> None:
    """Check the environment and suggest fixes.

    Looked at: settings, home, data, exports, pipelines, programs, fast path, contract, columns, gate,
    feedback, monitor, champion, and MLflow if one is named. Exit code 1 if something is bad; a note stops
    nothing. With --volume only the volume is looked at: two processes race for names on it; with --with NAME
    two pods do, in each of which the same command is started.
    """
    if volume or other:
        race_here(other)
        return
    findings = examine((*ROWS, *CLUSTER, check_kale, check_feedback, check_champion, check_mlflow))
    listing = table("", "what", "", "found", "fix")
    for finding in findings:
        listing.add_row(
            finding.what, styled(finding.status, _STYLE[finding.status]), finding.detail, finding.remedy
        )
    show(listing)
    bad = [finding.what for finding in findings if finding.status == "bad"]
    if bad:
        say(f"error: {len(bad)} of {len(findings)} checks failed: {', '.join(bad)}")
        sys.exit(1)


def race_here(other: str) -> None:
    "Race on home and tell what was seen; exit code 1 where the volume cannot be trusted."
    home = load_settings().writable_home()
    if other:
        say(f"waiting for the other side: goldenpath doctor --volume --with {other}")
    report = race_with(home, other) if other else race(home)
    for line in told(report):
        put(line)
    if not report.trusted:
        sys.exit(1)


def told(report: RaceReport) -> list[str]:
    "Show the report in words."
    delay = f"{report.seen_p50 * 1000:.1f} ms (median), {report.seen_max * 1000:.1f} ms at most"
    verdict = "can be trusted" if report.trusted else "CANNOT be trusted"
    return [
        f"volume      {report.folder.parent.parent} ({report.file_system})",
        f"races       {report.rounds}, {report.together} of them really at the same time",
        f"won by both {report.won_by_both}, by none {report.won_by_none}, exchanged {report.exchanged}",
        f"seen after  {delay}",
        f"clocks      {report.clocks_apart * 1000:.1f} ms apart",
        f"verdict     this volume {verdict}",
        *(f"advice      {line}" for line in report.advice),
    ]
