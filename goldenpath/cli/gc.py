"""`goldenpath runs gc`, and how both cleaners tell what they do."""

from datetime import UTC, datetime, timedelta

import click

from goldenpath.cli.common import duration
from goldenpath.cli.terminal import near, put, say
from goldenpath.registry.retention import Plan
from goldenpath.runs.retention import carry_out_runs, plan_runs
from goldenpath.settings.table import load_settings


@click.command("gc")
@click.option("--keep", required=True, type=click.IntRange(0), help="The newest runs that stay in any case.")
@click.option(
    "--grace", callback=duration, default="7d", show_default=True, help="Time to restore removed items."
)
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")
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


def tell_plan(plan: Plan, done: bool) -> None:
    "One line for each thing."
    lines = [f"{'moved' if done else 'move'} aside: {name}" for name in plan.aside]
    lines += [f"{'brought' if done else 'bring'} back: {name}" for name in plan.back]
    lines += [
        f"{'deleted' if done else 'delete'}: {one.name}, aside since {one.since:%Y-%m-%d}"
        for one in plan.gone
    ]
    deleted = {one.name for one in plan.gone}
    swept = [path for path in plan.attachments if path.name not in deleted]
    lines += [f"{'swept' if done else 'sweep'}: {near(path)}" for path in (*swept, *plan.litter)]
    for line in lines:
        put(line)
    if plan.empty:
        say("nothing to do")
    elif not done:
        say("this was a dry run; --yes does it")
