"""The fields of the Run form."""

from pathlib import Path

import pytest

from goldenpath.cluster.kubeflow.run_form import FormField, form_of
from goldenpath.cluster.pipeline_file import Node
from goldenpath.errors import BadInput
from tests.helpers.small_project import PARAMETERS, notebook

# of papermill's imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")


def node(folder: Path, name: str, *lines: str) -> Node:
    source = "\n".join(["import os", *lines])
    content = notebook([PARAMETERS]).replace(PARAMETERS.replace("\n", "\\n").replace('"', '\\"'), "SOURCE")
    (folder / f"{name}.ipynb").write_text(
        content.replace("SOURCE", source.replace('"', '\\"').replace("\n", "\\n"))
    )
    label = name.partition("_")[2]
    return Node(id=name, label=label, file=folder / f"{name}.ipynb", after=(), parameters={}, ui={})


def fields(*nodes: Node, **variables: str) -> dict[str, FormField]:
    form = form_of(nodes, {one.id: variables for one in nodes})
    return {f"{name}.{entry.parameter}": entry.field for name, entries in form.items() for entry in entries}


def test_a_default_is_what_the_parameters_cell_says_under_the_pipeline_s_variables(tmp_path: Path):
    lines = (
        'seed: int = int(os.environ.get("SEED", "42"))  # seed of the fit',
        'share: float = float(os.environ.get("SHARE", "0.5"))',
        'run: str = os.environ.get("RUN", "")  # the run',
        "names: list = []",
    )
    form = fields(node(tmp_path, "05_train", *lines), SEED="7")
    assert form == {
        "05_train.seed": FormField("seed", int, 7, "seed of the fit"),
        "05_train.share": FormField("share", float, 0.5, ""),
    }


def test_steps_share_a_field_if_it_means_the_same_and_else_each_has_its_own(tmp_path: Path):
    first = node(tmp_path, "05_train", "seed: int = 1", "top: int = 5", 'volume: str = "loud"')
    second = node(tmp_path, "06_evaluate", "seed: int = 1", "top: int = 9")
    names = {name: field.name for name, field in fields(first, second).items()}
    assert names == {
        "05_train.seed": "seed",
        "06_evaluate.seed": "seed",
        "05_train.top": "train_top",
        "06_evaluate.top": "evaluate_top",
        "05_train.volume": "train_volume",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: int = undefined", r"05_train.ipynb: the parameters cell cannot be run \(NameError"),
        ('seed: int = "many"', "the default of seed is 'many', which is not of type int"),
        ('often: bool = "no"', "the default of often is 'no', which is not of type bool"),
    ],
)
def test_a_default_that_cannot_be_had_is_named(tmp_path: Path, line: str, message: str):
    with pytest.raises(BadInput, match=message):
        fields(node(tmp_path, "05_train", line))


def test_a_script_is_no_step_of_an_export(tmp_path: Path):
    script = Node(id="a", label="a", file=tmp_path / "a.py", after=(), parameters={}, ui={})
    with pytest.raises(BadInput, match=r"a runs a.py: only notebooks are exported"):
        fields(script)
