"""What several commands ask for, written once: a pipeline, values, a version, a reason, a time."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
from click.decorators import FC

from goldenpath.settings import load_settings
from goldenpath.text.durations import parse_duration

VERSION_OR_ROLE = click.option(
    "--version", "-V", "name", default="champion", show_default=True, help="A version, or a role."
)
VERSION = click.argument("version")
WHY = click.option("--why", required=True, help="One sentence for those who look later.")
YES = click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")


def pairs(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    "Return `NAME=VALUE` options as a dictionary."
    for text in given:
        if "=" not in text:
            raise click.BadParameter(f"'{text}' should be NAME=VALUE")
    return dict(text.split("=", 1) for text in given)


def values(*names: str, what: str) -> Callable[[FC], FC]:
    "Make an option that takes NAME=VALUE as often as it is given."
    return click.option(*names, multiple=True, callback=pairs, metavar="NAME=VALUE", help=what)


def pipeline_file(ctx: click.Context, argument: click.Parameter, given: Path | None) -> Path:
    "Return the pipeline that is named, else the project's training pipeline."
    return given or load_settings().folder / "pipelines" / "train.pipeline"


def engine_variable(ctx: click.Context, option: click.Parameter, engine: str | None) -> dict[str, str]:
    "Return the environment variable that sets the engine; none if none is given."
    return {"GOLDENPATH_COMPUTE": engine} if engine else {}


def duration(ctx: click.Context, option: click.Parameter, text: str) -> timedelta:
    "Days, hours or minutes: 7d, 12h, 30m."
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


PIPELINE_FILE = click.argument(
    "file", metavar="[PIPELINE]", required=False, type=click.Path(path_type=Path), callback=pipeline_file
)
SET = values("--set", "-s", "values", what="Environment variable of every step, for this run only: SEED=7.")
COMPUTE = click.option(
    "--compute",
    type=click.Choice(["local", "ray"]),
    callback=engine_variable,
    help="Where parts are worked on; as in the settings.",
)
GRACE_TIME = click.option(
    "--grace", callback=duration, default="7d", show_default=True, help="Time to restore removed items."
)
