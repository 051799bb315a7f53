"""Runtime images: which ones are defined here, and which packages each has."""

import json
import re
import sys
from pathlib import Path

from goldenpath.records import Frozen

PACKAGE_NAMES = {
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "bs4": "beautifulsoup4",
    "mysql": "mysql-connector-python",
}


class Image(Frozen):
    "What is known of a runtime image: its packages, from a list in `runtime-images/`."

    name: str
    list: Path | None  # pins, one a line; None where no list is known
    exact: bool = True  # is it the list of this very image?

    @property
    def python(self) -> str:
        "The version that the image's name tells, or its list's, such as 3.12."
        own = self.list.name if self.list and self.exact else ""
        match = re.search(r"py(3)(\d+)", self.name) or re.search(r"py(3)(\d+)", own)
        return f"{match[1]}.{match[2]}" if match else f"{sys.version_info[0]}.{sys.version_info[1]}"


def image_of(name: str, images: Path) -> Image:
    "Return an image with the package list beside its definition in `images`, else with the stock image's."
    lists = sorted(images.glob("*.txt"))
    for definition in sorted(images.glob("*.json")):
        if _image_name(definition) == name:
            for file in lists:
                if file.name.startswith(definition.stem):
                    return Image(name=name, list=file)
    stock = [file for file in lists if file.name.startswith("stock")]
    return Image(name=name, list=stock[0] if stock else None, exact=False)


def image_names(folders: list[Path]) -> set[str]:
    "Return the names of all images that are defined in these folders."
    files = (file for folder in folders for file in folder.glob("*.json"))
    return {name for file in files if (name := _image_name(file))}


def _image_name(definition: Path) -> str:
    "Return the image that a definition names; empty if the file is not a definition."
    try:
        return str(json.loads(definition.read_text("utf-8"))["metadata"]["image_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def read_pins(file: Path | None) -> dict[str, str]:
    "Return the version of each package, from lines such as `numpy==2.5.2`."
    lines = file.read_text("utf-8").splitlines() if file else []
    match = (re.match(r"([\w.-]+)==([^\s;#]+)", line) for line in lines)
    return {plain_name(pin[1]): pin[2] for pin in match if pin}


def plain_name(package: str) -> str:
    "Return the one spelling of a package's name that package lists agree on."
    return re.sub(r"[-_.]+", "-", package).lower()


def package_of(module: str) -> str:
    "Return the package that a module most likely comes from."
    top = module.partition(".")[0]
    return PACKAGE_NAMES.get(top, plain_name(top))
