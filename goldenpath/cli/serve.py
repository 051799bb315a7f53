"""`goldenpath serve`."""

import os
import sys

import click

from goldenpath.settings import load_settings


@click.command("serve")
@click.option("--version", "-V", help="Serve this version alone.")
@click.option("--listen", "-l", help="Address to listen on, such as 127.0.0.1:8080.")
@click.option("--workers", "-w", type=click.IntRange(1, 256), help="Server processes.")
def serve_models(version: str | None, listen: str | None, workers: int | None) -> None:
    """Answer over HTTP until stopped: the champion, or the version that is named."""
    given = {"--version": version, "--listen": listen, "--workers": workers}
    options = [part for name, value in given.items() if value is not None for part in (name, str(value))]
    project = str(load_settings().folder)
    paths = [project, *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    os.execve(sys.executable, [sys.executable, "-m", "serving", *options], environ)
