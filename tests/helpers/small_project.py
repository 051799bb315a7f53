"""A project small enough to run in seconds: two real step notebooks, the library, Elyra's own program."""

import hashlib
import json
import shutil
from pathlib import Path
from textwrap import indent

from tests.helpers.project import PROJECT

PARAMETERS = """#| eval: false
import os

run: str = os.environ.get("RUN", "")  # the run to read from
seed: int = int(os.environ.get("SEED", "42"))  # seed of the fit
share: float = float(os.environ.get("SHARE", "0.5"))  # of the rows"""

IMPORTS = """#| eval: false
from goldenpath import open_step
from goldenpath.steps.{module} import answer"""

OPEN = """#| eval: false
with open_step("{step}", run=run, seed=seed) as step:
"""

SHOW = """#| eval: false
step.run.id"""

SPECS = {
    "data": '@step_spec("02_data", makes=("data/",))',
    "train": '@step_spec("05_train", reads=("data/train.parquet",), makes=("candidate/",))',
    "evaluate": '@step_spec("06_evaluate", reads=("candidate/",), makes=("verdict.json", "training.json"))',
    "publish": '@step_spec("07_publish", reads=("verdict.json",), makes=("published.json",))',
}

# What the steps do while their run is open.
DATA = 'step.run.output("data/train.parquet").write_text(f"{answer()} {seed}")'

TRAIN = """from goldenpath.errors import BadInput, GateRefused

if seed == 13:
    raise BadInput("first line\\nseed 13 is unlucky: take another")
if seed == 14:
    raise GateRefused("the candidate did not pass")
if seed == 15:
    import time

    step.run.output("asleep").touch()
    step.run.doing("sleeping")
    time.sleep(300)
step.run.output("candidate/model.txt").write_text(step.run.input("data/train.parquet").read_text())"""


def notebook(cells: list[str]) -> str:
    "Return a notebook in nbformat 4.5 whose cells with `os.environ` carry the tag `parameters`."
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


def exported(module: str, answer: int = 1) -> str:
    "Return the code of a step's module."
    imports = "from goldenpath.runs.spec import step_spec"
    return f'{imports}\n\n{SPECS[module]}\ndef answer() -> int:\n    "Of {module}."\n    return {answer}\n'


def step(name: str, module: str, body: str, answer: int = 1) -> str:
    "Return a step notebook that exports one function, and does this while its run is open."
    cells = [f"#| default_exp steps.{module}", f"#| export\n{exported(module, answer)}", PARAMETERS]
    run = OPEN.format(step=name) + indent(body, "    ")
    return notebook([*cells, IMPORTS.format(module=module), run, SHOW])


def make_project(folder: Path) -> Path:
    "Return the small project in `folder`, its pipeline cut from the real one, its modules exported."
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
    shutil.copy(PROJECT / "goldenpath" / "steps" / "stand_in.csv", folder / "goldenpath" / "steps")
    (folder / "notebooks" / "goldenpath").symlink_to("../goldenpath")
    (folder / "notebooks" / "settings.ini").symlink_to("../settings.ini")
    (folder / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", DATA))
    (folder / "notebooks" / "05_train.ipynb").write_text(step("05_train", "train", TRAIN))
    for module in ("data", "train"):
        (folder / "goldenpath" / "steps" / f"{module}.py").write_text(exported(module))
    write_pipeline(folder, ("02_data", "05_train"))
    return folder


def write_pipeline(folder: Path, steps: tuple[str, ...]) -> Path:
    "Return the real pipeline file with these steps only."
    document = json.loads((PROJECT / "pipelines" / "train.pipeline").read_text())
    primary = document["pipelines"][0]
    names = [Path(node["app_data"]["component_parameters"]["filename"]).stem for node in primary["nodes"]]
    primary["nodes"] = [node for node, name in zip(primary["nodes"], names, strict=True) if name in steps]
    file = folder / "pipelines" / "train.pipeline"
    file.write_text(json.dumps(document))
    return file


def fingerprint(folder: Path) -> dict[str, str]:
    "Return the hash of every file that belongs to the sources."
    files = (path for path in folder.rglob("*") if path.is_file() and "volume" not in path.parts)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "__pycache__" not in path.parts
    }
