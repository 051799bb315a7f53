"""`goldenpath doctor --volume`: what a race on the shared volume showed."""

import sys

from goldenpath.cli.terminal import put, say
from goldenpath.doctor.volume_race import RaceReport, race, race_with
from goldenpath.settings import load_settings


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
    seen = f"{report.seen_p50 * 1000:.1f} ms (median), {report.seen_max * 1000:.1f} ms at most"
    verdict = "can be trusted" if report.trusted else "CANNOT be trusted"
    return [
        f"volume      {report.folder.parent.parent} ({report.file_system or 'unknown file system'})",
        f"races       {report.rounds}, {report.together} of them really at the same time",
        f"won by both {report.won_by_both}, by none {report.won_by_none}, exchanged {report.exchanged}",
        f"seen after  {seen}",
        f"clocks      {report.clocks_apart * 1000:.1f} ms apart",
        f"verdict     this volume {verdict}",
        *(f"advice      {line}" for line in report.advice),
    ]
