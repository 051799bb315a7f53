"""The `goldenpath` command. Only click is imported here: each command's module is read when it is called."""

import difflib
import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import click

import goldenpath
from goldenpath.cluster.checkout import other_library
from goldenpath.errors import GoldenpathError
from goldenpath.text.plain import one_line, say


class Entry(NamedTuple):
    "Where a command is found, and its line in the help."

    module: str
    name: str
    help: str


EVERYDAY = {
    "run": Entry("run", "run", "Run the training pipeline and show the contrast."),
    "step": Entry("run", "step", "Run one step's notebook alone."),
    "runs": Entry("runs", "runs", "List and compare runs."),
    "batch": Entry("predict", "batch", "Score a file with a published model."),
    "predict": Entry("predict", "predict", "Answer one record."),
    "serve": Entry("predict", "serve", "Answer over HTTP until stopped."),
    "contrast": Entry("predict", "contrast", "Measure training time against prediction time."),
    "doctor": Entry("doctor", "doctor", "Say what works here, and what does not."),
}
BEHIND = {
    "rehearse": Entry(
        "pipeline", "rehearse_command", "Run a pipeline as its pods would: will it run on the cluster?"
    ),
    "models": Entry("models", "models", "Versions and roles: list, show, promote, withdraw, sign, gc."),
    "export": Entry("export", "export", "Write the notebooks' exported cells into goldenpath/."),
    "reproduce": Entry("reproduce", "reproduce", "Train a version again and compare."),
    "pipeline": Entry("doctor", "pipeline", "Find a pipeline's traps before it is submitted."),
}


class Commands(click.Group):
    "Commands in two rings; a module is imported when one of its commands is called."

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*EVERYDAY, *BEHIND]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = (EVERYDAY | BEHIND).get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"goldenpath.cli.{entry.module}")
        command: click.Command = getattr(module, entry.name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in EVERYDAY | BEHIND:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            ctx.fail(one_line(f"there is no command '{args[0]}'{hint}"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, ring in (("Everyday", EVERYDAY), ("Behind them", BEHIND)):
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in ring.items()])

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
    if other := other_library(Path.cwd()):
        say(f"warning: {other}")
    cli.main(args=list(args) if args is not None else None, prog_name="goldenpath")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    say(f"warning: {message}")
