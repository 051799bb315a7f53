"""`goldenpath models`: versions and roles."""

import click

from goldenpath.cli.models import carry, images, keep, listing, roles


@click.group()
def models() -> None:
    """List published versions and change their roles.

    VERSION is a version's name, or a role: champion, challenger, shadow.
    """


for module in (listing, roles, keep, carry, images):
    for command in vars(module).values():
        if isinstance(command, click.Command):
            models.add_command(command)
