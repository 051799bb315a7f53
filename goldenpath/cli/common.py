"""What several commands about models ask for: the registry, a version, a reason, a time."""

from datetime import timedelta

import click

from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.settings import load_settings

VERSION = click.argument("version")
WHY = click.option("--why", required=True, help="One sentence for those who look later.")


def duration(ctx: click.Context, option: click.Parameter, text: str) -> timedelta:
    "Days, hours or minutes: 7d, 12h, 30m."
    unit = {"d": "days", "h": "hours", "m": "minutes"}.get(text[-1:])
    if unit is None or not text[:-1].isdigit():
        raise click.BadParameter(f"{text!r} is not a time such as 7d, 12h or 30m")
    return timedelta(**{unit: int(text[:-1])})


def registry() -> Registry:
    "Return the registry that the settings name."
    return Project().registry


def me() -> str:
    "Who changes something here."
    return load_settings().who_am_i()
