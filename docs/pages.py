"""Write the pages that are made from the code: `python docs/pages.py`, which `make fix` runs.

`docs/settings.md` comes from the settings' own table and from the comments in settings.ini; the drawings in
`docs/architecture.md` come from the imports and from one request that is answered.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

# ruff: noqa: E402  (of this project, whatever is installed)
from goldenpath.adopt.project import REPLACED, settings_values
from goldenpath.origin.ownership import owned_files
from goldenpath.settings import KEYS, Settings, load_settings
from serving.worker import make_app
from tests.helpers.example_files import bound_to_the_example
from tests.helpers.hops import modules_entered
from tests.helpers.imports import ORDER, imported, modules, package_of

HEAD = """# Settings

This page is made from `goldenpath/settings/`: `make fix` writes it.

`settings.ini` holds the values that people change. Every key also has an environment variable,
`GOLDENPATH_<KEY>` in capital letters, which wins over the file. An unknown key in the file is an error, an
unknown variable a warning.

`GOLDENPATH_DATA` is another name of `GOLDENPATH_SOURCE`. Steps read parameters from papermill (`-p`), then
from the environment (`RUN`, `SEED`; each notebook's `parameters` cell names them), then from the default.
The setting `seed` controls synthetic data and bootstrap; the parameter `SEED` of `05_train` controls the fit.
"""


def settings_page() -> str:
    "Return the whole page: the keys of settings.ini with their comments, then the optional ones."
    in_file = _keys_in_file()
    everyday = [(key, value, meaning, _allowed(key)) for key, (value, meaning) in in_file.items()]
    optional = [
        (key, _as_written(Settings.model_fields[key].default), _allowed(key))
        for key in KEYS
        if key not in in_file
    ]
    return "\n".join(
        [
            HEAD,
            "## In settings.ini\n",
            *_table(("key", "value in the file", "meaning", "allowed"), everyday),
            "\n## Optional\n",
            "These keys can be added to `settings.ini` too. Their defaults suit a laptop and a pod.\n",
            *_table(("key", "default", "meaning"), optional),
            "",
        ]
    )


def _keys_in_file() -> dict[str, tuple[str, str]]:  # value and comment, by key
    keys, comment = {}, []
    for line in (PROJECT / "settings.ini").read_text("utf-8").splitlines():
        if line.startswith("# "):
            comment.append(line.removeprefix("# "))
        elif match := re.match(r"([a-z_]+) = ?(.*)", line):
            keys[match[1]] = (match[2], "; ".join(comment))
            comment = []
        else:
            comment = []
    return keys


def _allowed(key: str) -> str:
    return Settings.model_fields[key].description or ""


def _as_written(default: object) -> str:
    "Return a default as it would be written in settings.ini."
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ", ".join(default) if isinstance(default, tuple) else str(default or "")


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [headings, ("---",) * len(headings)]
    lines += [(f"`{key}`", f"`{value}`" if value else "", *texts) for key, value, *texts in rows]
    return [
        "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in line) + " |"
        for line in lines
    ]


def architecture_page() -> str:
    "Return the page with its drawings made anew."
    page = (PROJECT / "docs/architecture.md").read_text("utf-8")
    for name, drawing in (("packages", packages_drawing()), ("request", request_drawing())):
        page = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", rf"\1{drawing}\2", page, flags=re.DOTALL)
    return page


def upgrade_page() -> str:
    "Return the page with the table of what a project's owner edits made anew."
    rows = [(entry.path, entry.what, "yes" if entry.drafted else "") for entry in owned_files()]
    table = "| file | what you write there | `adopt` drafts it |\n|---|---|---|\n"
    table += "".join(f"| `{path}` | {what} | {drafted} |\n" for path, what, drafted in rows)
    page = (PROJECT / "docs/how-to/upgrade.md").read_text("utf-8")
    return re.sub(r"(<!-- yours -->\n).*?(<!-- end -->)", rf"\1{table}\2", page, flags=re.DOTALL)


def skeleton(name: str) -> str:
    "Return a file of the template of Backstage: the project's own, with values in place of its names."
    text = (PROJECT / name).read_text("utf-8")
    values = {
        r"(?m)^(model = )[\w-]+$": "name",
        r"(?m)^(  name: |  providesApis: \[)goldenpath\b": "name",
        r"(?m)^(  owner: )\S+$": "owner",
        r"(?m)^(  description: )A model that.*$": "description",
    }
    for line, value in values.items():
        quote = '"' if value == "description" else ""
        text = re.sub(line, rf"\g<1>{quote}${{{{ values.{value} }}}}{quote}", text)
    return text


def packages_drawing() -> str:
    "Draw the packages in their order, with what each is for and what it imports."
    lines = ["```text"]
    for name in ORDER:
        path = PROJECT / "goldenpath" / name
        if not (path.is_dir() or path.with_suffix(".py").is_file()):
            continue
        files = modules(path) if path.is_dir() else [path.with_suffix(".py")]
        names = {part for file in files for part in imported(file) if part.startswith("goldenpath.")}
        used = {package_of(part) for part in names} - {name}
        lines.append(f"{name:<11} <- {' '.join(part for part in ORDER if part in used) or '-'}")
    return "\n".join([*lines, "```\n"])


def request_drawing() -> str:
    "Answer one request with the stored example of a version, and list the modules that it enters."
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(PROJECT / "tests/data/format-1/home", home)
        variables = {"HOME": str(home), "POLL_SECONDS": "0", "FEEDBACK": "off"}
        settings = load_settings(environ={f"GOLDENPATH_{key}": value for key, value in variables.items()})
        client = make_app(settings, lambda: False).test_client()
        record = json.loads((PROJECT / "tests/data/format-1/answers.json").read_text("utf-8"))["records"][0]
        client.post("/predict", json=record)  # the first request also imports
        entered = modules_entered(lambda: client.post("/predict", json=record))
    return "\n".join(["```text", *(f"{at:>2}  {name}" for at, name in enumerate(entered, 1)), "```\n"])


def example_files() -> str:
    "Return what `goldenpath adopt` needs to know of the example: what it replaces, and what it removes."
    paths = ("notebooks/01_contract.ipynb", "notebooks/02a_stand_in.ipynb")
    values = settings_values((PROJECT / "settings.ini").read_text("utf-8"))
    example = {
        "digests": {path: hashlib.sha256((PROJECT / path).read_bytes()).hexdigest() for path in paths},
        "settings": {key: values[key] for key in REPLACED},
        "alone": [str(path.relative_to(PROJECT)) for path in bound_to_the_example()],
    }
    return json.dumps(example, indent=1) + "\n"


PAGES = {
    "docs/settings.md": settings_page,
    "docs/architecture.md": architecture_page,
    "docs/how-to/upgrade.md": upgrade_page,
    "template/skeleton/settings.ini": lambda: skeleton("settings.ini"),
    "template/skeleton/catalog-info.yaml": lambda: skeleton("catalog-info.yaml"),
    "goldenpath/adopt/files/example.json": example_files,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (PROJECT / name).write_text(page(), "utf-8")
