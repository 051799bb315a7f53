"""Build the site: `make docs`. Pages of docs/, the notebooks as a run executed them, commands and library.

Nothing is executed, and nothing is fetched but Sphinx itself on first use (docs/site/requirements.lock). A
warning of Sphinx is an error; so is a link to a page, a heading or a file of the project that is not there.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
sys.path.insert(0, str(PROJECT))

# ruff: noqa: E402  (of this project, whatever is installed)
import click

from goldenpath.cli import cli
from goldenpath.cli.contrast import write_picture
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.measure.contrast import Contrast
from goldenpath.measure.environments import isolated_python
from goldenpath.project import Project
from goldenpath.runs.run import read_json

DOCS = PROJECT / "docs"
LOCK = HERE / "requirements.lock"
TOP = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\[\]]*\])*\])\(([^()\s]+)\)")
NOT_OURS = ("http://", "https://", "mailto:", "#")
PICTURE = "contrast.png"
MODULE = """## {name}

```{{eval-rst}}
.. automodule:: {name}
   :ignore-module-all:
```"""


def main() -> None:
    "Fill a folder with sources and let Sphinx make the site of it."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="folder of a run; default: the newest that is complete")
    parser.add_argument("--output", type=Path, default=PROJECT / "site")
    words = parser.parse_args()
    shutil.rmtree(words.output, ignore_errors=True)
    with TemporaryDirectory() as folder:
        source, site = Path(folder, "source"), Path(folder, "site")
        source.mkdir()
        write_pages(source)
        write_notebooks(words.run or newest_run(), source)
        write_commands(source / "commands.md")
        write_api(source / "api")
        sphinx(source, site)  # not into the project: myst-nb leaves a folder beside it
        shutil.move(site, words.output)
    print(words.output / "index.html")


def newest_run() -> Path:
    "Return the newest run that measured its contrast. Raises BadInput if there is none."
    found = sorted(Project().runs.glob("*/contrast.json"), reverse=True)
    if not found:
        raise BadInput("no run has notebooks to show: `make run` first, or name a run's folder with RUN=")
    return found[0].parent


def write_pages(source: Path) -> None:
    "Copy the written pages, with their links led to where the pages are in the site."
    written = [path for path in DOCS.rglob("*.md") if HERE not in path.parents]
    places = {path: source / path.relative_to(DOCS) for path in written}
    places[DOCS / "index.md"] = source / "overview.md"
    places |= {PROJECT / name: source / place for name, place in TOP.items() if (PROJECT / name).exists()}
    for path, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(led(path.read_text("utf-8"), path, place, places), "utf-8")
    shutil.copytree(DOCS / "images", source / "images")
    front = (HERE / "index.md").read_text("utf-8")
    for name, place in TOP.items():
        if not (PROJECT / name).exists():  # the project of a user may do without
            front = re.sub(rf"^.*\b{place.removesuffix('.md')}\b.*\n", "", front, flags=re.MULTILINE)
    (source / "index.md").write_text(front, "utf-8")
    shutil.copy(HERE / "conf.py", source)


def led(text: str, path: Path, place: Path, places: dict[Path, Path]) -> str:
    "Return a page whose links lead to pages of the site; what is only in the repository becomes its name."

    def one(match: re.Match[str]) -> str:
        words, target = match.groups()
        if target.startswith(NOT_OURS):
            return match[0]
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve()
        if there in (PROJECT / top for top in TOP) and there not in places:
            return words[1:-1]
        if not there.exists():
            return match[0] if "/" not in name and "." not in name else _broken(path, target)
        picture = places[DOCS / "index.md"].parent / "images" / there.name
        goal = picture if there.parent == DOCS / "images" else places.get(there)
        if goal is None:
            return words.removeprefix("!")[1:-1]
        return f"{words}({os.path.relpath(goal, place.parent)}{anchor and '#'}{anchor})"

    return LINK.sub(one, text)


def _broken(path: Path, target: str) -> str:
    raise BadInput(f"{path.relative_to(PROJECT)} links to {target}, which is not there")


def write_notebooks(run: Path, source: Path) -> None:
    "Copy the notebooks that a run executed, without what only the export reads, and its picture."
    (source / "notebooks").mkdir()
    (source / "pictures").mkdir()
    done = {file.name: file for file in (run / "notebooks").glob("[0-9][0-9]*.ipynb")}
    for path in sorted((PROJECT / "notebooks").glob("[0-9][0-9]*.ipynb")):
        notebook = json.loads(done.get(path.name, path).read_text("utf-8"))
        notebook["cells"] = list(_readable(notebook["cells"]))
        notebook["metadata"] = {"kernelspec": notebook["metadata"].get("kernelspec", {})}
        (source / "notebooks" / path.name).write_text(json.dumps(notebook), "utf-8")
    contrast = Contrast.model_validate(read_json(run / "contrast.json"))
    write_picture(contrast, source / "pictures" / PICTURE)


def _readable(cells: list[dict]) -> Iterator[dict]:
    for cell in cells:
        lines = [line for line in cell["source"] if not line.startswith("#|")]
        if lines:
            yield cell | {"source": lines, "metadata": {}}


def write_commands(page: Path) -> None:
    "Write the help of every command, as click gives it."
    parts = ["# Commands", "This page is what `--help` prints."]
    for names, command in _commands(cli, ["goldenpath"]):
        with click.Context(command, info_name=" ".join(names), max_content_width=100) as context:
            parts.append(f"{'#' * min(len(names) + 1, 4)} {' '.join(names)}")
            parts.append(f"```text\n{context.get_help()}\n```")
    page.write_text("\n\n".join(parts) + "\n", "utf-8")


def _commands(command: click.Command, names: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner
                yield from _commands(inner, [*names, name])


def write_api(folder: Path) -> None:
    "Write a page for each package; autodoc fills it."
    folder.mkdir()
    packages: dict[str, list[str]] = {}
    for path in sorted((PROJECT / "goldenpath").rglob("*.py")):
        module = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        if path.name not in ("__main__.py", "_modidx.py") and "/cli/" not in str(path):
            inside = path.parent != PROJECT / "goldenpath"
            package = ".".join(module.split(".")[:2]) if inside else "goldenpath"
            packages.setdefault(package, []).append(module)
    for package, names in packages.items():
        parts = [f"# {package}", *(MODULE.format(name=name) for name in names)]
        (folder / f"{package}.md").write_text("\n\n".join(parts) + "\n", "utf-8")
    listed = "\n".join(packages)
    index = f"# Library\n\nWhat each package offers.\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    (folder / "index.md").write_text(index, "utf-8")


def sphinx(source: Path, output: Path) -> None:
    "Run Sphinx in an environment of its own that sees this one's packages. Raises GoldenpathError."
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:8]
    python = isolated_python(f"sphinx-{digest}", "--require-hashes", "-r", str(LOCK))
    own = next(python.parent.parent.glob("lib/python*/site-packages"))
    (own / "project.pth").write_text(f"{PROJECT}\n{sysconfig.get_path('purelib')}\n")
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-j", "auto", "-d", str(source / "_build")]
    if subprocess.run([python, *words, str(source), str(output)], check=False).returncode:
        raise GoldenpathError("the site has faults: mend what Sphinx names above")


if __name__ == "__main__":
    try:
        main()
    except GoldenpathError as error:
        sys.exit(str(error))
