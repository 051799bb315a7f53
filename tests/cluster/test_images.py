"""What a pipeline asks of its runtime image: that it is defined, and that it has what the steps import."""

import json
import shutil
from pathlib import Path

import pytest

from goldenpath.cluster.checks.images import needed
from tests.helpers.pipeline_edits import add_code, check, edit, edit_notebook, only
from tests.helpers.project import PROJECT

STOCK = json.loads((PROJECT / "runtime-images" / "stock.json").read_text())["metadata"]["image_name"]


@pytest.fixture
def defined(project):
    "Return the same with the project's definitions of images and their package lists."
    shutil.copytree(PROJECT / "runtime-images", project / "runtime-images")
    return project


def choose(project: Path, image: str) -> None:
    def change(primary, properties, said):
        properties["pipeline_defaults"]["runtime_image"] = image
        for parameters in said:
            parameters["runtime_image"] = image

    edit(project, change)


def test_a_defined_image_is_no_trap(defined):
    assert check(defined) == []


def test_a_tag_that_a_known_repository_is_not_defined_with_is_an_error(defined):
    choose(defined, STOCK.replace("v1.47", "v1.74"))
    trap = only(check(defined))
    assert (trap.kind, trap.level, trap.where) == ("image-unknown", "error", "data, train")
    assert trap.problem.endswith(f"is not defined here: its repository has :{STOCK.rpartition(':')[2]}")


def test_an_image_of_another_repository_is_a_warning(defined):
    choose(defined, "quay.io/team/own:1.0")
    trap = only(check(defined))
    assert (trap.kind, trap.level) == ("image-unknown", "warning")


def test_an_image_that_the_editor_offers_from_elsewhere_is_known(defined, tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere" / "metadata" / "runtime-images"
    folder.mkdir(parents=True)
    (folder / "own.json").write_text(json.dumps({"metadata": {"image_name": "quay.io/team/own:1.0"}}))
    monkeypatch.setenv("ELYRA_METADATA_PATH", str(tmp_path / "elsewhere"))
    choose(defined, "quay.io/team/own:1.0")
    assert check(defined) == []


@pytest.mark.parametrize(
    "line", ["from fastcore.test import *", "import nbdev", "%pip --version\nimport nbdev.export"]
)
def test_an_import_that_pods_lack_is_known_without_a_list(project, line):
    edit_notebook(project, add_code(line))
    assert only(check(project)).kind == "import"


def test_an_import_that_the_image_s_list_lacks(defined):
    edit_notebook(defined, add_code("import xgboost.sklearn"))
    trap = only(check(defined))
    assert (trap.kind, trap.level, trap.where) == ("import", "error", "train")
    assert trap.problem == (
        "05_train.ipynb imports xgboost, which the image (stock-runtime-3.6-py312.txt) has not"
    )
    choose(defined, "quay.io/team/own:1.0")  # its list is not here: the stock image's stands in
    assert {(trap.kind, trap.level) for trap in check(defined)} == {
        ("image-unknown", "warning"),
        ("import", "warning"),
    }


@pytest.mark.parametrize(
    "line",
    [
        "import sklearn.linear_model, yaml, PIL.Image, IPython.display, os.path",
        "from google.protobuf import message",
        "try:\n    import xgboost\nexcept ImportError:\n    xgboost = None",
        "with contextlib.suppress(ImportError):\n    import xgboost",
        "if TYPE_CHECKING:\n    import xgboost",
    ],
)
def test_imports_that_the_image_has_or_that_the_code_can_do_without_are_no_trap(defined, line):
    edit_notebook(defined, add_code(line))
    assert check(defined) == []


def test_an_import_of_a_module_that_two_steps_share_is_said_once_and_names_the_module(defined):
    shared = defined / "goldenpath" / "steps" / "shared.py"
    shared.write_text("def fit():\n    from xgboost import XGBClassifier\n")
    for name in ("data", "train"):
        (defined / "goldenpath" / "steps" / f"{name}.py").write_text("from .shared import fit\n")
    trap = only(check(defined))
    assert (trap.kind, trap.where) == ("import", "data, train")
    assert trap.problem.startswith("goldenpath/steps/shared.py imports xgboost, which the image")


def test_relative_imports_are_resolved():
    assert needed("from ..model import fit", "goldenpath.steps") == {
        "goldenpath.model",
        "goldenpath.model.fit",
    }
    assert needed("from . import data", "goldenpath.steps") == {"goldenpath.steps", "goldenpath.steps.data"}
