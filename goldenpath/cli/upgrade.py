"""`goldenpath upgrade`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

import goldenpath
from goldenpath.cli.terminal import put, say
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.origin.shipment import Shipment, is_shipment
from goldenpath.upgrade.journal import check_no_interruption, close_journal, undo
from goldenpath.upgrade.news import new_entries
from goldenpath.upgrade.plan import Upgrade
from goldenpath.upgrade.sources import address_of, get_shipment
from goldenpath.upgrade.upgrading import apply, kept_files, left_to_do, moved_imports

RUNNING = Path(goldenpath.__file__).resolve().parents[1]  # where the library that runs is
CHANGELOG, API_FILE = "CHANGELOG.md", "docs/openapi.json"
ENTRIES_SHOWN, WIDTH = 12, 150
DONE = {
    "add": "added",
    "replace": "replaced",
    "remove": "removed",
    "beside": "written beside",
    "aside": "moved aside",
}


@click.command()
@click.option("--from", "source", default="", metavar="PATH|URL|VERSION", help="Newer state of goldenpath.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--imports", is_flag=True, help="Rename imports that moved, in your own files too.")
@click.option("--no-check", is_flag=True, help="Leave `make export check` to you.")
@click.option("--undo", "back", is_flag=True, help="Take the last upgrade back.")
@click.option("--force", is_flag=True, help="With --undo: also files that you changed since then.")
@click.option("--address", default="", hidden=True)  # of a source that was fetched
def upgrade(
    source: str, dry_run: bool, imports: bool, no_check: bool, back: bool, force: bool, address: str
) -> None:
    """Bring this project to a newer state of goldenpath.

    Files of goldenpath that you never changed are replaced; beside those that you changed, the new one is
    written as NAME.new. Your own files are left alone. The newer state is a checkout, a wheel, the address of
    either, or a tag or commit of the repository that the project came from. Its code is run.
    """
    project = find_begun_project(Path.cwd())
    if back:
        put(f"taken back: {len(undo(project, force))} files are as they were before the upgrade")
    elif source == str(RUNNING) and is_shipment(RUNNING):
        _upgrade(Upgrade(project, Shipment(RUNNING)), address, dry_run, imports, no_check)
    else:
        check_no_interruption(project)
        flags = {"--dry-run": dry_run, "--imports": imports, "--no-check": no_check}
        sys.exit(_hand_over(project, source, [flag for flag, given in flags.items() if given]))


def find_begun_project(folder: Path) -> Path:
    "Return the project of any age around a folder. Raises BadInput if there is none."
    for place in (folder, *folder.parents):
        if all((place / name).exists() for name in ("settings.ini", "goldenpath", "pyproject.toml")):
            return (place / "settings.ini").resolve().parent  # notebooks/ holds links to settings and library
    raise BadInput(f"{folder} is in no project of goldenpath: change to the folder with settings.ini")


def _hand_over(project: Path, source: str, flags: list[str]) -> int:
    "Let the newer state's own code do it, because it knows its files, and this one's may be replaced."
    with TemporaryDirectory(prefix="goldenpath-") as folder:
        place = Path(folder).resolve()
        say("looking at what is shipped")
        get_shipment(source, project, place)
        if not (place / "goldenpath" / "upgrade").is_dir():
            raise BadInput(f"{source} is older than `goldenpath upgrade`; name a newer state with --from")
        words = ["upgrade", "--from", str(place), "--address", address_of(source, project), *flags]
        environ = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-P", "-m", "goldenpath", *words]
        return subprocess.run(command, cwd=project, env=environ, check=False).returncode


def _upgrade(upgrade: Upgrade, address: str, dry_run: bool, imports: bool, no_check: bool) -> None:
    changelogs = [folder / CHANGELOG for folder in (upgrade.project, upgrade.shipment.folder)]
    news = new_entries(*(file.read_text("utf-8") if file.is_file() else "" for file in changelogs))
    if not upgrade.changes and not (imports and moved_imports(upgrade)):
        put("nothing to do: every file of goldenpath is the shipped one, or yours")
        return
    _tell_changes(upgrade, dry_run)
    if dry_run:
        _tell_rest(news, left_to_do(upgrade, imports))
        say("this was a dry run; leave --dry-run out to do it")
        return
    journal = apply(upgrade, address, imports)
    is_checked = not no_check and shutil.which("make") is not None
    fault = _export_and_check(upgrade.project) if is_checked else "run `make export check`"
    close_journal(upgrade.project, journal)
    tasks = left_to_do(upgrade, imports)
    _tell_rest(news, [*tasks, *([fault] if fault else [])])
    put("`goldenpath upgrade --undo` takes this upgrade back")
    if fault and is_checked:
        raise GoldenpathError(f"the files are upgraded, but {fault}")


def _tell_changes(upgrade: Upgrade, dry_run: bool) -> None:
    "Count what is done; a dry run names each file."
    for action, done in DONE.items():
        changes = upgrade.of(action)  # type: ignore[arg-type]
        if changes:
            put(f"{done}{' (planned)' * dry_run}: {len(changes)} files")
        for change in changes if dry_run else ():
            put(f"  {change.path}{f' ({change.reason})' if change.reason else ''}")
    if kept := kept_files(upgrade):
        put(f"yours, left as they are: {', '.join(kept)}")


def _tell_rest(news: list[tuple[str, str]], tasks: list[str]) -> None:
    "Print what is new and what is left to do."
    if news:
        put(f"new for users ({len(news)} entries):")
    for heading, text in news[:ENTRIES_SHOWN]:
        put(f"  {heading}: {text if len(text) <= WIDTH else text[: WIDTH - 3] + '...'}")
    if len(news) > ENTRIES_SHOWN:
        put(f"  and {len(news) - ENTRIES_SHOWN} more in {CHANGELOG}")
    put("left to do:" if tasks else "left to do: nothing")
    for task in tasks:
        put(f"  {task}")


def _export_and_check(project: Path) -> str:
    "Export and run `make check` in the project; return what went wrong, or nothing."
    say("export and check; make first installs what the new state needs, if that has changed")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAKE"))}
    # what `make export` does: an owner's Makefile may be an older one, whose export does more
    python = ".venv/bin/python -m"
    described = (project / API_FILE).is_file()
    describe = [f"{python} serving.describe {API_FILE}"] if described else []
    for command in ["make .venv/ready", f"{python} goldenpath export", *describe, "make check"]:
        done = subprocess.run(command.split(), cwd=project, env=environ, check=False)
        if done.returncode:
            return f"`{command}` ended with code {done.returncode}: read its output"
    return ""
