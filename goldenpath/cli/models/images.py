"""`goldenpath models push` and `pull`: versions as images in a container registry."""

import click

from goldenpath.cli.options import VERSION
from goldenpath.cli.terminal import put, say
from goldenpath.project import Project
from goldenpath.registry.container_registry import parse_reference
from goldenpath.registry.exchange import pull_version, push_version
from goldenpath.tracking.within import mirror_within


@click.command()
@VERSION
@click.argument("image")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["mlserver"]),
    help="Add an export for this server, which contains pickle.",
)
@click.option("--base", help="Image with a shell to put it on, for KServe's modelcars (oci://).")
def push(version: str, image: str, kind: str | None, base: str | None) -> None:
    """Push VERSION and its signatures as an OCI IMAGE, such as oci://registry.example.org/team/churn.

    Without a tag, IMAGE gets the version's name as its tag. Prints the address by digest. Credentials are
    those of podman or docker (REGISTRY_AUTH_FILE, auth.json, config.json).
    """
    from goldenpath.model import TRUSTED_TYPES

    registry = Project().registry
    place, under = parse_reference(image), parse_reference(base) if base else None
    trusted = TRUSTED_TYPES if kind else None
    put(str(push_version(registry, registry.resolve(version), place, base=under, mlserver=trusted)))
    if kind:
        say(f"warning: the image holds pickle for {kind}: who can write it can run code there")


@click.command()
@click.argument("image")
def pull(image: str) -> None:
    """Publish the version in an OCI IMAGE, verified, and its signature checked where settings ask for one.

    IMAGE names a tag or, for what never moves, a digest: oci://registry.example.org/team/churn@sha256:...
    """
    project = Project()
    version = pull_version(project.registry, parse_reference(image))
    put(version)
    say(f"it has no role yet: goldenpath models promote {version} --why ...")
    mirror_within(project.settings, "--version", version)
