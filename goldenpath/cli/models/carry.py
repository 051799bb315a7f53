"""`goldenpath models export-bundle`, `import-bundle` and `export`: versions that are used elsewhere."""

from pathlib import Path

import click

from goldenpath.cli.options import VERSION
from goldenpath.cli.terminal import near, put, say
from goldenpath.project import Project
from goldenpath.registry.bundle import export_bundle, import_bundle
from goldenpath.registry.mlserver import JOBLIB, export_mlserver
from goldenpath.tracking.within import mirror_within


@click.command("export-bundle")
@VERSION
@click.argument("file", type=click.Path(path_type=Path))
def write_bundle(version: str, file: Path) -> None:
    """Write VERSION and its signatures into one FILE, for another namespace."""
    registry = Project().registry
    export_bundle(registry, registry.resolve(version), file)
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

    registry = Project().registry
    export_mlserver(registry, registry.resolve(version), folder, TRUSTED_TYPES)
    put(near(folder))
    say(f"warning: {near(folder / JOBLIB)} is pickle: who can write it can run code in {kind}; protect it")
    say(f"{kind} serves it: mlserver start {folder}; then set backend = v2 and backend_url")


@click.command("import-bundle")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Publish the version in FILE, verified, and its signature checked where settings ask for one."""
    project = Project()
    version = import_bundle(project.registry, file)
    put(version)
    say(f"it has no role yet: goldenpath models promote {version} --why ...")
    mirror_within(project.settings, "--version", version)
