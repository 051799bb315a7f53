"""`goldenpath runs`: list runs, lay several side by side, clean up."""

from datetime import UTC, datetime, timedelta

import click

from goldenpath.cli.options import GRACE_TIME, YES
from goldenpath.cli.terminal import say, show, styled, table, tell_plan
from goldenpath.runs.history import RunSummary, laid_side_by_side, summarise
from goldenpath.runs.retention import carry_out_runs, plan_runs
from goldenpath.runs.run import find_run, list_runs
from goldenpath.settings import load_settings


@click.group(invoke_without_command=True)
@click.option("--last", "-n", default=20, show_default=True, type=click.IntRange(1), help="How many to list.")
@click.pass_context
def runs(ctx: click.Context, last: int) -> None:
    """List the newest runs: data, seed, metrics, verdict and seconds."""
    if ctx.invoked_subcommand is not None:
        return
    folder = load_settings().home_folder() / "runs"
    folders = list_runs(folder)
    if not folders:
        say(f"no run yet in {folder}: goldenpath run")
        return
    listing = table(
        f"runs in {folder}" + (f" (the last {last} of {len(folders)})" if last < len(folders) else ""),
        *("run", "steps", "rows", "seed", "ROC AUC", "av. prec.", "verdict", "seconds"),
        numbers=("rows", "seed", "ROC AUC", "av. prec.", "seconds"),
    )
    for path in folders[-last:]:
        listing.add_row(*_cells(summarise(path)))
    show(listing)


@runs.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
def compare(names: tuple[str, ...]) -> None:
    """Lay runs side by side; RUN is an id, a part of it, or `latest`. What differs is marked."""
    folder = load_settings().home_folder() / "runs"
    summaries = [summarise(find_run(folder, name)) for name in names]
    listing = table("", "", *(run.id for run in summaries))
    for line, cells in laid_side_by_side(summaries).items():
        differs = len(set(cells)) > 1
        listing.add_row(styled(f"{line} *", "bold") if differs else line, *cells)
    show(listing)


@runs.command()
@click.option("--keep", required=True, type=click.IntRange(0), help="The newest runs that stay in any case.")
@GRACE_TIME
@YES
def gc(keep: int, grace: timedelta, yes: bool) -> None:
    """Move unused runs to the trash, and delete those past the grace time.

    Kept are the newest, those touched within the grace time, those that published versions were trained
    in, and what any of these reads from.
    """
    home, now = load_settings().home_folder(), datetime.now(UTC)
    plan = plan_runs(home, keep, grace, now)
    if yes:
        plan = carry_out_runs(home, plan, now)
    tell_plan(plan, yes)


def _cells(run: RunSummary) -> tuple[str, ...]:
    stand_in = " (stand-in)" if run.synthetic else ""
    return (
        run.id,
        _steps(run),
        "" if run.rows is None else f"{run.rows:,}{stand_in}",
        "" if run.seed is None else str(run.seed),
        *(
            f"{run.metrics[name]:.4f}" if name in run.metrics else ""
            for name in ("roc_auc", "average_precision")
        ),
        f"{run.verdict}{', published' if run.published else ''}",
        "" if run.seconds is None else f"{run.seconds:.1f}",
    )


def _steps(run: RunSummary) -> str:
    stopped = [name for name, status in run.steps.items() if status != "done"]
    if stopped:
        return f"stopped in {stopped[0]}"
    own, taken = (
        ", ".join(name.partition("_")[0] for name in run.steps if (name in run.taken_over) is over)
        for over in (False, True)
    )
    return "; ".join(filter(None, [own, taken and f"{taken} taken over"]))
