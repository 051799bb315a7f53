"""`goldenpath models promote`, `withdraw` and `rollback`; roles in words."""

import click

from goldenpath.cli.options import VERSION, WHY
from goldenpath.cli.terminal import put, say
from goldenpath.errors import BadInput, NotTrusted
from goldenpath.project import Project
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES, Role, Roles
from goldenpath.registry.trial import Job, try_version
from goldenpath.settings import Settings, load_settings
from goldenpath.tracking.within import mirror_within


@click.command("promote")
@VERSION
@click.option(
    "--role", type=click.Choice(ROLES), default="champion", show_default=True, help="What it is for."
)
@click.option("--share", type=click.FloatRange(0, 1), default=0.0, help="Of the requests, for a challenger.")
@click.option("--made-from", type=int, help="The entry you decided from; refused if it is not the newest.")
@click.option("--leave-no-champion", is_flag=True, help="Allow another role for the champion.")
@click.option("--unproven", is_flag=True, help="Promote although it does not load here; the history says so.")
@WHY
def promote_version(
    version: str,
    role: Role,
    share: float,
    made_from: int | None,
    leave_no_champion: bool,
    unproven: bool,
    why: str,
) -> None:
    """Give VERSION a role, in place of the version that holds it. VERSION leaves any other role.

    It is loaded first, in a process of its own, and must give the answers of its golden rows here.
    The champion is refused another role unless --leave-no-champion is given: servers would answer 503.
    """
    if role == "challenger" and not share:
        raise BadInput("a challenger needs a share of the requests: --share 0.1")
    settings = load_settings()
    registry = Project(settings).registry
    name = registry.resolve(version)
    if unproven:
        why = f"{why} (unproven)"
    else:
        prove_version(registry, name, settings)
    roles = registry.promote(
        name,
        role,
        share,
        why=why,
        who=settings.who_am_i(),
        made_from=made_from,
        leave_no_champion=leave_no_champion,
    )
    tell_roles(roles)
    mirror_within(settings, "--roles")


@click.command()
@VERSION
@WHY
def withdraw(version: str, why: str) -> None:
    """Withdraw VERSION: remove its roles and prevent it from being loaded. Its files are kept."""
    settings = load_settings()
    registry = Project(settings).registry
    name = version_named(registry, version)
    tell_roles(registry.withdraw(name, why=why, who=settings.who_am_i()))
    mirror_within(settings, "--roles")


@click.command()
@click.argument("entry", type=int, required=False)
@WHY
def rollback(entry: int | None, why: str) -> None:
    """Assign the roles as ENTRY of the history did; without it, go back to the champion before.

    This is a new entry; nothing is erased. What was withdrawn stays withdrawn.
    """
    settings = load_settings()
    tell_roles(Project(settings).registry.rollback(entry, why=why, who=settings.who_am_i()))
    mirror_within(settings, "--roles")


def tell_roles(roles: Roles) -> None:
    "Print the assignment that is now in force, and warn if it has no champion."
    put(f"entry {roles.number}: {', '.join(held(roles))}")
    if not roles.champion:
        say("warning: no version is champion now; `goldenpath models promote VERSION --why ...` makes one")


def role_of(version: str, roles: Roles) -> str:
    "Assign a role to a version."
    if version in roles.withdrawn:
        return "withdrawn"
    held = [role for role in ROLES if roles.holder(role) == version]
    return f"challenger {roles.challenger_share:.0%}" if held == ["challenger"] else "".join(held)


def held(roles: Roles) -> list[str]:
    "Who holds what, in words."
    lines = [f"{role} {roles.holder(role)}" for role in ROLES if roles.holder(role)]
    lines = [
        f"{line} {roles.challenger_share:.0%}" if line.startswith("challenger") else line for line in lines
    ]
    return lines or ["no version has a role"]


def version_named(registry: Registry, name: str) -> str:
    "Return the version that a role or version name means, also if it was withdrawn or is not there."
    return registry.resolve(name) if name in ROLES else name


def prove_version(registry: Registry, version: str, settings: Settings) -> None:
    "Verify a version. Raises NotTrusted if it is altered, doesn't load or fails its golden records."
    manifest = registry.verify(version)
    if not settings.trial_seconds:
        say(f"{version} is not loaded before it is promoted: trial_seconds is 0")
        return
    try:
        _try(registry, manifest, settings)
    except NotTrusted as error:
        raise NotTrusted(f"{error}; `--unproven` promotes it all the same") from None


def _try(registry: Registry, manifest: Manifest, settings: Settings) -> None:
    from goldenpath.predict import load_predictor

    folder = registry.folder(manifest.version).absolute()
    job = Job(folder=folder, manifest=manifest, fast=settings.fast_path, seconds=settings.trial_seconds)
    outcome = try_version(load_predictor, job).checked()
    if outcome.path == "sklearn":
        say(f"scikit-learn would answer here: {outcome.why}")
