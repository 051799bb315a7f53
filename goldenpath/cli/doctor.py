"""`goldenpath doctor` and `goldenpath pipeline check`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from goldenpath.cli.pipeline import submit
from goldenpath.cli.terminal import near, put, say, show, styled, table
from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.doctor.checks import Finding, examine
from goldenpath.doctor.rows import ROWS, sound_contract
from goldenpath.doctor.workbench import CLUSTER
from goldenpath.errors import NoModel
from goldenpath.settings import Settings, load_settings

_STYLE = {"good": "green", "note": "yellow", "bad": "bold red"}


@click.command()
@click.option("--volume", is_flag=True, help="Race two writers on home: can the volume be trusted?")
@click.option(
    "--with", "other", default="", metavar="NAME", help="Race a second pod that says the same NAME."
)
def doctor(volume: bool, other: str) -> None:
    """Check the environment and suggest fixes.

    Looked at: settings, home, data, exports, pipelines, programs, fast path, contract, columns, champion.
    Exit code 1 if something is bad; a note stops nothing. With --volume only the volume is looked at: two
    processes race for names on it; with --with NAME two pods do, in each of which the same command is
    started.
    """
    if volume or other:
        from goldenpath.cli.race import race_here

        race_here(other)
        return
    findings = examine((*ROWS, *CLUSTER, check_champion))
    listing = table("", "what", "", "found", "fix")
    for found in findings:
        listing.add_row(found.what, styled(found.status, _STYLE[found.status]), found.detail, found.remedy)
    show(listing)
    bad = [found.what for found in findings if found.status == "bad"]
    if bad:
        say(f"error: {len(bad)} of {len(findings)} checks failed: {', '.join(bad)}")
        sys.exit(1)


def check_champion(settings: Settings) -> Iterator[Finding]:
    "Check that the champion loads, and show which engine it uses."
    if sound_contract() is None:
        return
    from goldenpath.predict import open_predictor
    from goldenpath.project import Project

    try:
        predictor = open_predictor(Project(settings).registry)
    except NoModel as fault:
        yield Finding(what="champion", status="note", detail=str(fault), remedy="goldenpath run")
        return
    answers = (
        "the fast path answers" if predictor.path == "onnx" else f"scikit-learn answers: {predictor.why}"
    )
    yield Finding(what="champion", status="good", detail=f"{predictor.version}; {answers}")


@click.group()
def pipeline() -> None:
    """Check and run pipeline files."""


pipeline.add_command(submit)


@pipeline.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Find the silent traps of FILES (all of pipelines/), each with what to change.

    Exit code 1 if there is one that breaks something.
    """
    chosen = files or tuple(sorted((load_settings().folder / "pipelines").glob("*.pipeline")))
    broken = 0
    for file in chosen:
        traps = check_pipeline(file)
        broken += sum(trap.level == "error" for trap in traps)
        put(f"{near(file)}: {f'{len(traps)} found' if traps else 'sound'}")
        for trap in traps:
            put(f"  {trap.level} ({trap.kind}) {trap}")
    if broken:
        sys.exit(1)
