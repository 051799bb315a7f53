"""`goldenpath models sign`, `gc`, `restore`, `set-aside` and `repair`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from goldenpath.cli.models.roles import version_named
from goldenpath.cli.options import GRACE_TIME, VERSION, YES
from goldenpath.cli.terminal import near, put, say, tell_plan
from goldenpath.errors import BadInput
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import carry_out, plan_versions
from goldenpath.registry.role_repair import find_obstacle, repair_roles
from goldenpath.settings import load_settings
from goldenpath.tracking.within import mirror_within


@click.command("sign")
@VERSION
@click.option("--key", type=click.Path(path_type=Path), help="Private key (PEM); default: signing_key.")
@click.option("--unverified", is_flag=True, help="Sign although no known key vouches for the version.")
@click.option("--why", help="With --unverified: how you checked it, for the history.")
def sign_version(version: str, key: Path | None, unverified: bool, why: str | None) -> None:
    """Sign VERSION in the OpenSSF Model Signing format.

    Its files must be those of its manifest, and verify_key, signing_key or KEY must have signed it before.
    To sign a version without such a signature, use --unverified: you vouch for it, and the history says so.
    """
    project = Project()
    registry = project.registry
    used = key or registry.keys.sign_with
    if not used:
        raise BadInput("no key to sign with: --key FILE, or signing_key in settings.ini")
    name = version_named(registry, version)
    put(near(_sign_unverified(registry, name, used, why) if unverified else registry.sign(name, used)))
    mirror_within(project.settings, "--version", name)


def _sign_unverified(registry: Registry, version: str, key: Path, why: str | None) -> Path:
    if not why:
        raise BadInput("--unverified needs --why: say how you checked the version")
    file = registry.sign_unverified(version, key, why=why, who=load_settings().who_am_i())
    say(f"warning: {version} was signed without verification; the history says so")
    return file


@click.command("gc")
@click.option(
    "--keep", required=True, type=click.IntRange(0), help="The newest versions that stay in any case."
)
@GRACE_TIME
@YES
def gc_versions(keep: int, grace: timedelta, yes: bool) -> None:
    """Move unused versions to the trash, and delete those past the grace time.

    Kept are the newest, the young, and all versions that an entry within the grace time names.
    """
    project, now = Project(), datetime.now(UTC)
    plan = plan_versions(project.registry, keep, grace, now)
    if yes:
        plan = carry_out(project.registry, plan, now)
    tell_plan(plan, yes)
    if yes:
        mirror_within(project.settings, "--roles")


@click.command()
@VERSION
def restore(version: str) -> None:
    """Bring back a VERSION that gc moved aside."""
    project = Project()
    if not project.registry.restore(version):
        project.registry.expect(version)
    put(near(project.registry.folder(version)))
    mirror_within(project.settings, "--version", version)


@click.command("set-aside")
@VERSION
def set_aside(version: str) -> None:
    """Take a VERSION that has no role out of the list, as gc does; `restore` brings it back."""
    project = Project()
    project.registry.set_aside(version)
    say(f"{version} was moved aside; goldenpath models restore {version} brings it back")
    mirror_within(project.settings, "--roles")


@click.command()
@YES
def repair(yes: bool) -> None:
    """Move aside what keeps the roles from being read or changed.

    That is the newest entry of the history if it is damaged, or a file, link or other folder in the place of
    the next entry. It is kept in roles-aside. The roles of the entry before are in force again, and a new
    entry says so.
    """
    project = Project()
    registry = project.registry
    if yes:
        for move in repair_roles(registry.log.folder, load_settings().who_am_i()):
            put(f"moved aside: {near(move.place)}: {move.reason}")
    elif first := find_obstacle(registry.log.folder):
        put(f"move aside: {near(first.place)}: {first.reason}")
        say("this was a dry run; --yes does it")
        return
    say(f"entry {registry.roles().number} of the roles can be read, and the next one can be written")
    if yes:
        mirror_within(project.settings, "--roles")
