"""`goldenpath models`: signing versions, cleaning up, and moving them elsewhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from goldenpath.cli.common import VERSION, duration, me, registry
from goldenpath.cli.terminal import near, put, say
from goldenpath.errors import BadInput
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES


@click.command()
@VERSION
@click.option("--key", type=click.Path(path_type=Path), help="Private key (PEM); default: signing_key.")
@click.option("--unverified", is_flag=True, help="Sign although no known key vouches for the version.")
@click.option("--why", help="With --unverified: how you checked it, for the history.")
def sign(version: str, key: Path | None, unverified: bool, why: str | None) -> None:
    """Sign VERSION in the OpenSSF Model Signing format.

    Its files must be those of its manifest, and verify_key, signing_key or KEY must have signed it before.
    To sign a version without such a signature, use --unverified: you vouch for it, and the history says so.
    """
    found = registry()
    used = key or found.keys.sign_with
    if not used:
        raise BadInput("no key to sign with: --key FILE, or signing_key in settings.ini")
    name = found.resolve(version) if version in ROLES else version
    put(near(_sign_unverified(found, name, used, why) if unverified else found.sign(name, used)))


def _sign_unverified(found: Registry, version: str, key: Path, why: str | None) -> Path:
    if not why:
        raise BadInput("--unverified needs --why: say how you checked the version")
    file = found.sign_unverified(version, key, why=why, who=me())
    say(f"warning: {version} was signed without verification; the history says so")
    return file


@click.command()
@click.option(
    "--keep", required=True, type=click.IntRange(0), help="The newest versions that stay in any case."
)
@click.option(
    "--grace", callback=duration, default="7d", show_default=True, help="Time to restore removed items."
)
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")
def gc(keep: int, grace: timedelta, yes: bool) -> None:
    """Move unused versions to the trash, and delete those past the grace time.

    Kept are the newest, the young, and all versions that an entry within the grace time names.
    """
    from goldenpath.cli.gc import tell_plan
    from goldenpath.registry.retention import carry_out, plan_versions

    found, now = registry(), datetime.now(UTC)
    plan = plan_versions(found, keep, grace, now)
    if yes:
        plan = carry_out(found, plan, now)
    tell_plan(plan, yes)


@click.command()
@VERSION
def restore(version: str) -> None:
    """Bring back a VERSION that gc moved aside."""
    found = registry()
    if not found.restore(version):
        found.expect(version)
    put(near(found.folder(version)))


@click.command("set-aside")
@VERSION
def set_aside(version: str) -> None:
    """Take a VERSION that has no role out of the list, as gc does; `restore` brings it back."""
    found = registry()
    found.set_aside(version)
    say(f"{version} was moved aside; goldenpath models restore {version} brings it back")


@click.command()
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")
def repair(yes: bool) -> None:
    """Move aside what keeps the roles from being read or changed.

    That is the newest entry of the history if it is damaged, or a file, link or other folder in the place of
    the next entry. It is kept in roles-aside. The roles of the entry before are in force again, and a new
    entry says so.
    """
    from goldenpath.registry.role_repair import find_obstacle, repair_roles

    found = registry()
    if yes:
        for one in repair_roles(found.log.folder, me()):
            put(f"moved aside: {near(one.place)}: {one.reason}")
    elif first := find_obstacle(found.log.folder):
        put(f"move aside: {near(first.place)}: {first.reason}")
        say("this was a dry run; --yes does it")
        return
    say(f"entry {found.roles().number} of the roles can be read, and the next one can be written")


@click.command("export-bundle")
@VERSION
@click.argument("file", type=click.Path(path_type=Path))
def export(version: str, file: Path) -> None:
    """Write VERSION and its signatures into one FILE, for another namespace."""
    from goldenpath.registry.bundle import export_bundle

    found = registry()
    export_bundle(found, found.resolve(version), file)
    put(near(file))


@click.command("export")
@VERSION
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(["mlserver"]), required=True, help="For which server.")
def export_format(version: str, folder: Path, kind: str) -> None:
    """Write VERSION into a new FOLDER for a dedicated model server.

    mlserver reads the model from a joblib file. That is pickle: loading it runs any code in it. Keep
    FOLDER where only you and that server can write.
    """
    from goldenpath.model import TRUSTED_TYPES
    from goldenpath.registry.mlserver import PIPELINE, export_mlserver

    found = registry()
    export_mlserver(found, found.resolve(version), folder, TRUSTED_TYPES)
    put(near(folder))
    say(f"warning: {near(folder / PIPELINE)} is pickle: who can write it can run code in {kind}; protect it")
    say(f"{kind} serves it: mlserver start {folder}; then set backend = v2 and backend_url")


@click.command("import-bundle")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Publish the version in FILE, verified, and its signature checked where settings ask for one."""
    from goldenpath.registry.bundle import import_bundle

    version = import_bundle(registry(), file)
    put(version)
    say(f"it has no role yet: goldenpath models promote {version} --why ...")


COMMANDS = (sign, gc, restore, set_aside, repair, export, export_format, import_)
