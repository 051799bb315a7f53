"""The `goldenpath` command. Only click is imported here: each command's module is read when it is called."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import click

import goldenpath
from goldenpath.cluster.checkout import other_library
from goldenpath.errors import GoldenpathError
from goldenpath.text.plain import one_line, say
from goldenpath.text.spelling import nearest

# The line of each command in the help; it is the function of its name in the module of its name.
EVERYDAY = {
    "run": "Run the training pipeline and show the contrast.",
    "step": "Run one step's notebook alone.",
    "runs": "List and compare runs.",
    "batch": "Score a file, or a folder of files, with a published model.",
    "predict": "Answer one record.",
    "evaluate": "Measure a published version on any labeled file.",
    "adopt": "Draft contract and settings from your own table.",
    "serve": "Answer over HTTP until stopped.",
    "outcomes": "Take in what came of answers.",
    "monitor": "Say what moved, and what the versions are worth now.",
    "contrast": "Measure training time against prediction time.",
    "doctor": "Say what works here, and what does not.",
}
BEHIND = {
    "debug": "Show the cell in which a run failed, with its inputs.",
    "rehearse": "Run a pipeline as its pods would: will it run on the cluster?",
    "models": "Versions and roles: list, show, promote, withdraw, sign, gc.",
    "export": "Write the notebooks' exported cells into goldenpath/.",
    "retrain": "Train again if the monitor has a reason.",
    "reproduce": "Train a version again and compare.",
    "feedback": "Erase a person from what servers keep.",
    "new": "Begin a project in a new folder.",
    "upgrade": "Bring this project to a newer state of goldenpath.",
    "pipeline": "Find a pipeline's traps before it is submitted.",
    "mlflow": "Mirror runs, versions and roles in MLflow.",
}


ELSEWHERE = ("new", "upgrade")  # commands that are not about the library of the working folder's project


class Commands(click.Group):
    "Commands in two rings; a module is imported when one of its commands is called."

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*EVERYDAY, *BEHIND]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in EVERYDAY | BEHIND:
            return None
        values = vars(import_module(f"goldenpath.cli.{cmd_name}")).values()
        return next(value for value in values if isinstance(value, click.Command) and value.name == cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in EVERYDAY | BEHIND:
            hint = nearest(args[0], self.list_commands(ctx))
            ctx.fail(one_line(f"there is no command '{args[0]}'{hint}"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, ring in (("Everyday", EVERYDAY), ("Behind them", BEHIND)):
            with formatter.section(title):
                formatter.write_dl([*ring.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GoldenpathError as fault:
            say(f"error: {fault}")
            ctx.exit(fault.exit_code)


HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(
    f"{goldenpath.__version__}, code of model version {goldenpath.MODEL_VERSION}",
    message="goldenpath %(version)s",
)
def cli() -> None:
    """From rows to a served model, and the measured contrast between training and prediction time.

    Begin with `goldenpath run`; `goldenpath COMMAND --help` explains each. Settings are in settings.ini.
    """
    warnings.showwarning = _show_warning


def main(args: Sequence[str] | None = None) -> None:
    "Run the program, and warn first if it belongs to another project than the one of the working folder."
    words = list(sys.argv[1:] if args is None else args)
    if not {*words[:1]} & {*ELSEWHERE} and (other := other_library(Path.cwd())):
        say(f"warning: {other}")
    cli.main(args=words, prog_name="goldenpath")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    say(f"warning: {message}")
