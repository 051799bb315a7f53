"""`goldenpath models`: versions and roles."""

import click

from goldenpath.cli import models_keep
from goldenpath.cli.common import VERSION, WHY, me, registry
from goldenpath.cli.models_prove import prove
from goldenpath.cli.terminal import near, put, say, show, table
from goldenpath.errors import BadInput, DamagedEntry, GoldenpathError, NoModel
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES, Role, Roles
from goldenpath.settings import load_settings


@click.group()
def models() -> None:
    """List published versions and change their roles.

    VERSION is a version's name, or a role: champion, challenger, shadow.
    """


for command in models_keep.COMMANDS:
    models.add_command(command)


# Looking


@models.command("list")
def list_versions() -> None:
    """List the versions, newest first."""
    found = registry()
    versions, roles = found.versions(), found.roles()
    if not versions:
        say(f"no version of {found.model} is published yet in {near(found.root)}: goldenpath run")
        return
    columns = ("version", "role", "rows", "ROC AUC", "av. prec.", "fit s", "by")
    listing = table(
        f"{found.model} in {near(found.root)}", *columns, numbers=("rows", "ROC AUC", "av. prec.", "fit s")
    )
    listing.columns[0].no_wrap = True  # to be copied
    for version in reversed(versions):
        listing.add_row(version, role_of(version, roles), *_cells(found, version))
    show(listing)


def role_of(version: str, roles: Roles) -> str:
    "Assign a role to a version."
    if version in roles.withdrawn:
        return "withdrawn"
    held = [role for role in ROLES if roles.holder(role) == version]
    return f"challenger {roles.challenger_share:.0%}" if held == ["challenger"] else "".join(held)


def _cells(found: Registry, version: str) -> tuple[str, ...]:
    try:
        manifest = found.manifest(version)
    except GoldenpathError as fault:  # one bad version does not hide the others
        return ("", "", "", "", f"unreadable: {fault}")
    metrics = [
        f"{manifest.metrics[m]:.4f}" if m in manifest.metrics else ""
        for m in ("roc_auc", "average_precision")
    ]
    rows = f"{manifest.data.rows.get('train', 0):,}{' (stand-in)' if manifest.synthetic else ''}"
    return (rows, *metrics, f"{manifest.seconds.get('fit', 0):.2f}", manifest.who)


@models.command("show")
@VERSION
def show_version(version: str) -> None:
    """Show where a version comes from, what it is worth, and what it is used for."""
    from goldenpath.runs.reproduce import origin

    found = registry()
    name = found.resolve(version) if version in ROLES else version
    manifest = found.manifest(name)
    listing = table(name, "", "")
    for key, value in {**_standing(found, manifest), **origin(manifest)}.items():
        listing.add_row(key, value)
    show(listing)


def _standing(found: Registry, manifest: Manifest) -> dict[str, str]:
    role = role_of(manifest.version, found.roles()) or "none"
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in manifest.metrics.items())
    fast = manifest.fast_path.status + (f": {manifest.fast_path.reason}" if manifest.fast_path.reason else "")
    return {
        "role": role,
        "metrics": metrics,
        "threshold": f"{manifest.threshold:.6g} by {manifest.threshold_rule}",
        "fast path": fast,
        "seconds": ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in manifest.seconds.items()),
        "folder": near(found.folder(manifest.version)),
    }


@models.command()
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
def verify(versions: tuple[str, ...]) -> None:
    """Check versions (all of them if none is named) against their manifests and signatures."""
    found = registry()
    refused = 0
    if not (names := versions or found.versions()):
        raise NoModel(f"no version of {found.model} is published in {found.root}; `goldenpath run`")
    for version in names:
        name = found.resolve(version) if version in ROLES else version
        try:
            found.verify(name)
            put(f"{name}: sound")
        except GoldenpathError as fault:
            refused += 1
            put(f"{name}: {fault}")
    click.get_current_context().exit(1 if refused else 0)


@models.command()
@click.option("--last", "-n", default=20, show_default=True, type=click.IntRange(1), help="How many entries.")
def history(last: int) -> None:
    """Show who assigned which roles, when and why, newest first."""
    found = registry()
    newest = found.log.newest()
    if not newest:
        say(f"no version of {found.model} was ever promoted: goldenpath models promote VERSION --why ...")
        return
    listing = table(found.model, "entry", "roles", "who", "why", numbers=("entry",))
    listing.columns[1].no_wrap = True
    for number in range(newest, max(newest - last, 0), -1):
        listing.add_row(str(number), *_entry_cells(found, number))
    show(listing)


def _entry_cells(found: Registry, number: int) -> tuple[str, str, str]:
    try:
        entry = found.log.read(number)
    except DamagedEntry as fault:  # one bad entry does not hide the others
        return ("unreadable", "", str(fault))
    return ("\n".join(held(entry)), f"{entry.who}\n{entry.when[:19]}", entry.why)


def held(roles: Roles) -> list[str]:
    "Who holds what, in words."
    lines = [f"{role} {roles.holder(role)}" for role in ROLES if roles.holder(role)]
    lines = [
        f"{line} {roles.challenger_share:.0%}" if line.startswith("challenger") else line for line in lines
    ]
    return lines or ["no version has a role"]


# Roles


@models.command()
@VERSION
@click.option(
    "--role", type=click.Choice(ROLES), default="champion", show_default=True, help="What it is for."
)
@click.option("--share", type=click.FloatRange(0, 1), default=0.0, help="Of the requests, for a challenger.")
@click.option("--made-from", type=int, help="The entry you decided from; refused if it is not the newest.")
@click.option("--leave-no-champion", is_flag=True, help="Allow another role for the champion.")
@click.option("--unproven", is_flag=True, help="Promote although it does not load here; the history says so.")
@WHY
def promote(
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
    found = registry()
    name = found.resolve(version)
    if unproven:
        why = f"{why} (unproven)"
    else:
        prove(found, name, load_settings())
    roles = found.promote(
        name, role, share, why=why, who=me(), made_from=made_from, leave_no_champion=leave_no_champion
    )
    tell(roles)


@models.command()
@VERSION
@WHY
def withdraw(version: str, why: str) -> None:
    """Withdraw VERSION: remove its roles and prevent it from being loaded. Its files are kept."""
    found = registry()
    name = found.resolve(version) if version in ROLES else version
    tell(found.withdraw(name, why=why, who=me()))


@models.command()
@click.argument("entry", type=int, required=False)
@WHY
def rollback(entry: int | None, why: str) -> None:
    """Assign the roles as ENTRY of the history did; without it, go back to the champion before.

    This is a new entry; nothing is erased. What was withdrawn stays withdrawn.
    """
    tell(registry().rollback(entry, why=why, who=me()))


def tell(roles: Roles) -> None:
    "Print the assignment that is now in force, and warn if it has no champion."
    put(f"entry {roles.number}: {', '.join(held(roles))}")
    if not roles.champion:
        say("warning: no version is champion now; `goldenpath models promote VERSION --why ...` makes one")
