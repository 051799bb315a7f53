"""A project small enough to run in seconds: two real step notebooks, the library, Elyra's own program."""

import hashlib
import json
import shutil
from pathlib import Path

from tests.helpers.project import PROJECT

PARAMETERS = """#| eval: false
import os

run: str = os.environ.get("RUN", "")  # the run to read from
seed: int = int(os.environ.get("SEED", "42"))  # seed of the fit
share: float = float(os.environ.get("SHARE", "0.5"))  # of the rows"""

OPEN = """#| eval: false
from goldenpath.runs.notebook import check_fresh

check_fresh("{step}")
from goldenpath.runs.run import open_run
from goldenpath.settings import load_settings
from goldenpath.steps.{module} import answer

opened = open_run(load_settings(), "{step}", run, {{"seed": seed}})"""

DATA = """#| eval: false
opened.output("data/train.parquet").write_text(f"{answer()} {seed}")
opened.finish("02_data")
opened.id"""

TRAIN = """#| eval: false
from goldenpath.errors import BadInput, GateRefused

if seed == 13:
    raise BadInput("first line\\nseed 13 is unlucky: take another")
if seed == 14:
    raise GateRefused("the candidate did not pass")
if seed == 15:
    import time

    opened.output("asleep").touch()
    opened.doing("sleeping")
    time.sleep(300)
opened.output("candidate/model.txt").write_text(opened.input("data/train.parquet").read_text())
opened.finish("05_train")
opened.id"""


def notebook(cells: list[str]) -> str:
    "A notebook in nbformat 4.5 whose cells with `os.environ` carry the tag `parameters`."
    code = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "metadata": {"tags": ["parameters"]} if source == PARAMETERS else {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for number, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": code, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def step(name: str, module: str, last: str, answer: int = 1) -> str:
    "A step notebook that exports one function."
    export = f'#| export\ndef answer() -> int:\n    "Of {module}."\n    return {answer}'
    return notebook(
        [f"#| default_exp steps.{module}", export, PARAMETERS, OPEN.format(step=name, module=module), last]
    )


def make_project(folder: Path) -> Path:
    "The small project in `folder`, its pipeline cut from the real one, its modules exported."
    folder.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns(
        "__pycache__", "steps", "contract.py", "model.py", "predict.py", "_modidx.py"
    )
    shutil.copytree(PROJECT / "goldenpath", folder / "goldenpath", ignore=ignore)
    shutil.copy(PROJECT / "pyproject.toml", folder / "pyproject.toml")
    (folder / "settings.ini").write_text("[any]\nmodel = small\nuser = tester\n")
    for name in ("steps", "../notebooks", "../pipelines"):
        (folder / "goldenpath" / name).mkdir()
    (folder / "goldenpath" / "steps" / "__init__.py").touch()
    (folder / "notebooks" / "goldenpath").symlink_to("../goldenpath")
    (folder / "notebooks" / "settings.ini").symlink_to("../settings.ini")
    (folder / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", DATA))
    (folder / "notebooks" / "05_train.ipynb").write_text(step("05_train", "train", TRAIN))
    for module in ("data", "train"):
        text = f'def answer() -> int:\n    "Of {module}."\n    return 1\n'
        (folder / "goldenpath" / "steps" / f"{module}.py").write_text(text)
    write_pipeline(folder, ("02_data", "05_train"))
    return folder


def write_pipeline(folder: Path, steps: tuple[str, ...]) -> Path:
    "The real pipeline file with these steps only."
    document = json.loads((PROJECT / "pipelines" / "train.pipeline").read_text())
    primary = document["pipelines"][0]
    names = [Path(node["app_data"]["component_parameters"]["filename"]).stem for node in primary["nodes"]]
    primary["nodes"] = [node for node, name in zip(primary["nodes"], names, strict=True) if name in steps]
    file = folder / "pipelines" / "train.pipeline"
    file.write_text(json.dumps(document))
    return file


def fingerprint(folder: Path) -> dict[str, str]:
    "The hash of every file that belongs to the sources."
    files = (path for path in folder.rglob("*") if path.is_file() and "volume" not in path.parts)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "__pycache__" not in path.parts
    }
