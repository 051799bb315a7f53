"""`goldenpath retrain`: look first, train only for a reason."""

from datetime import timedelta

import click

from goldenpath.cli.options import duration
from goldenpath.cli.run import run_and_tell
from goldenpath.cli.terminal import say
from goldenpath.project import Project


@click.command("retrain")
@click.option(
    "--since", callback=duration, default="30d", show_default=True, help="Time to look back: 7d, 12h or 30m."
)
def retrain_if_due(since: timedelta) -> None:
    """Train again if a version is worth less than promised.

    The monitor looks, as `goldenpath monitor` does. Only a metric, estimated or realised, that fell is a
    reason to train; broken input and drift alone are not. Nothing is trained within `retrain_days` of the
    last training. What passes the gate is published, and promoting it stays a decision of a person. Exit
    code 0: trained, or nothing to train for; 3: the gate refused the candidate.
    """
    from goldenpath.steps.retrain import look_first

    project = Project()
    decision = look_first(project, since)
    if decision.train:
        say(f"training: {decision.reason}")
        run_and_tell(project.settings.folder / "pipelines" / "train.pipeline", project.settings, again=True)
    else:
        say(f"no training is due: {decision.reason}")
