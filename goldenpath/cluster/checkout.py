"""Whose library runs here: that of the project around the working folder, or another project's?

A virtual environment names the folder that it was made in. In a copied or renamed project its programs would
still run the library of the old folder and ignore edits in the new one.
"""

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import goldenpath

LIBRARY = Path(goldenpath.__file__).resolve().parent


def find_project(folder: Path) -> Path | None:
    "Return the nearest folder, from `folder` upwards, that is a checkout of a goldenpath project."
    for place in (folder, *folder.parents):
        if (place / "settings.ini").is_file() and (place / "goldenpath" / "registry").is_dir():
            return (place / "settings.ini").resolve().parent  # notebooks/ holds links to both
    return None


def other_library(
    folder: Path,  # such as the working folder
    library: Path = LIBRARY,  # the package that runs
) -> str:  # one line; "" if the project's own library runs, or if `folder` is in no project
    "Say that another project's library runs than the one of the project around `folder`."
    project = find_project(folder)
    if project is None or (project / "goldenpath").resolve() == library:
        return ""
    return (
        f"this is the library {library}, not {project / 'goldenpath'}: run `make .venv/ready` in {project} "
        f"and use the programs of {project / '.venv' / 'bin'}"
    )


def environment_project(
    environment: Path,  # such as the `.venv` of a project
) -> Path | None:  # None if that is not recorded, as for a library that is not installed in place
    "Return the project that a virtual environment was made for."
    packages = [str(folder) for folder in environment.glob("lib/python3*/site-packages")]
    for distribution in metadata.distributions(name="goldenpath", path=packages):
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            return Path(unquote(urlsplit(str(origin["url"])).path))
    return None
