"""`goldenpath models list`, `show`, `verify` and `history`."""

import click

from goldenpath.cli.models.roles import held, role_of, version_named
from goldenpath.cli.options import VERSION
from goldenpath.cli.terminal import near, put, say, show, table
from goldenpath.errors import DamagedEntry, GoldenpathError, NoModel
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import MonitorReport, read_newest
from goldenpath.project import Project
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry


@click.command("list")
def list_versions() -> None:
    """List the versions, newest first."""
    project = Project()
    registry = project.registry
    versions, roles = registry.versions(), registry.roles()
    if not versions:
        say(f"no version of {registry.model} is published yet in {near(registry.root)}: goldenpath run")
        return
    now = now_by_version(read_newest(FeedbackFolder(project.home, registry.model).reports))
    columns = ("version", "role", "rows", "ROC AUC", "av. prec.", *(("now",) if now else ()), "fit s", "by")
    listing = table(f"{registry.model} in {near(registry.root)}", *columns, numbers=columns[2:-1])
    listing.columns[0].no_wrap = True  # to be copied
    for version in reversed(versions):
        *promised, fit, who = _cells(registry, version)
        worth = (now.get(version, ""),) if now else ()
        listing.add_row(version, role_of(version, roles), *promised, *worth, fit, who)
    show(listing)


def now_by_version(report: MonitorReport | None) -> dict[str, str]:
    "Say what the first metric that the gate judges is now, by version: 0.943, estimated."
    if report is None or not report.judged:
        return {}
    worths = {version.version: version.now(report.judged[0]) for version in reversed(report.versions)}
    return {
        version: f"{worth[1].value:.4f}\n{worth[0]}"
        for version, worth in worths.items()
        if worth and worth[1].value is not None
    }


def _cells(registry: Registry, version: str) -> tuple[str, ...]:
    try:
        manifest = registry.manifest(version)
    except GoldenpathError as fault:  # one bad version does not hide the others
        return ("", "", "", "", f"unreadable: {fault}")
    metrics = [
        f"{manifest.metrics[m]:.4f}" if m in manifest.metrics else ""
        for m in ("roc_auc", "average_precision")
    ]
    rows = f"{manifest.data.rows.get('train', 0):,}{' (stand-in)' if manifest.synthetic else ''}"
    return (rows, *metrics, f"{manifest.seconds.get('fit', 0):.2f}", manifest.who)


@click.command("show")
@VERSION
def show_version(version: str) -> None:
    """Show where a version comes from, what it is worth, and what it is used for."""
    from goldenpath.runs.reproduce import origin_lines

    registry = Project().registry
    name = version_named(registry, version)
    manifest = registry.manifest(name)
    listing = table(name, "", "")
    for key, value in {**_standing(registry, manifest), **origin_lines(manifest)}.items():
        listing.add_row(key, value)
    show(listing)


def _standing(registry: Registry, manifest: Manifest) -> dict[str, str]:
    role, threshold = role_of(manifest.version, registry.roles()) or "none", manifest.threshold
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in manifest.metrics.items())
    fast = manifest.fast_path.status + (f": {manifest.fast_path.reason}" if manifest.fast_path.reason else "")
    return {
        "role": role,
        "metrics": metrics,
        "threshold": "none" if threshold is None else f"{threshold:.6g} by {manifest.threshold_rule}",
        "calibration": manifest.calibration or "none",
        "fast path": fast,
        "seconds": ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in manifest.seconds.items()),
        "folder": near(registry.folder(manifest.version)),
    }


@click.command()
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
def verify(versions: tuple[str, ...]) -> None:
    """Check versions (all of them if none is named) against their manifests and signatures."""
    registry = Project().registry
    refused = 0
    if not (names := versions or registry.versions()):
        raise NoModel(f"no version of {registry.model} is published in {registry.root}; `goldenpath run`")
    for version in names:
        name = version_named(registry, version)
        try:
            registry.verify(name)
            put(f"{name}: sound")
        except GoldenpathError as fault:
            refused += 1
            put(f"{name}: {fault}")
    click.get_current_context().exit(1 if refused else 0)


@click.command()
@click.option("--last", "-n", default=20, show_default=True, type=click.IntRange(1), help="How many entries.")
def history(last: int) -> None:
    """Show who assigned which roles, when and why, newest first."""
    registry = Project().registry
    newest = registry.log.newest()
    if not newest:
        say(f"no version of {registry.model} was ever promoted: goldenpath models promote VERSION --why ...")
        return
    listing = table(registry.model, "entry", "roles", "who", "why", numbers=("entry",))
    listing.columns[1].no_wrap = True
    for number in range(newest, max(newest - last, 0), -1):
        listing.add_row(str(number), *_entry_cells(registry, number))
    show(listing)


def _entry_cells(registry: Registry, number: int) -> tuple[str, str, str]:
    try:
        entry = registry.log.read(number)
    except DamagedEntry as fault:  # one bad entry does not hide the others
        return ("unreadable", "", str(fault))
    return ("\n".join(held(entry)), f"{entry.who}\n{entry.when[:19]}", entry.why)
