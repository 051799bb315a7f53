"""What several commands about models ask for: the registry, a version, a reason, a time."""

from datetime import timedelta

import click

from goldenpath.registry.registry import Registry, open_registry
from goldenpath.settings import load_settings

VERSION = click.argument("version")
WHY = click.option("--why", required=True, help="One sentence for those who look later.")


def duration(ctx: click.Context, option: click.Parameter, text: str) -> timedelta:
    "Days, hours or minutes: 7d, 12h, 30m."
    unit = {"d": "days", "h": "hours", "m": "minutes"}.get(text[-1:])
    if unit is None or not text[:-1].isdigit():
        raise click.BadParameter(f"{text!r} is no time such as 7d, 12h or 30m")
    return timedelta(**{unit: int(text[:-1])})


def registry() -> Registry:
    "The registry that settings name."
    return open_registry(load_settings())


def me() -> str:
    "Who changes something here."
    return load_settings().who_am_i()
