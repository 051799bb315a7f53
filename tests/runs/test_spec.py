"""What steps declare: found in the source, named when missing or not readable, true to the pipeline."""

from pathlib import Path

import pytest

from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.errors import BadInput
from goldenpath.runs.spec import StepSpec, all_specs, begins, declarations, find_spec, maker_of, step_before
from tests.helpers.project import PROJECT

DECLARED = """
@step_spec(
    "05_train",  # of the notebook
    reads=("data/train.parquet",),
    makes=("candidate/", "training.json"),
)
def train() -> None:
    pass


@step_spec("10_batch", makes=("batch.json",))
@other
def batch() -> None:
    pass
"""


def test_declarations_are_read_from_the_source_without_running_it():
    assert list(declarations(DECLARED, Path("steps.py"))) == [
        StepSpec("05_train", ("data/train.parquet",), ("candidate/", "training.json")),
        StepSpec("10_batch", (), ("batch.json",)),
    ]


@pytest.mark.parametrize(
    "arguments", ["NAME", '"05_train", reads=FILES', '"05_train", wants=("data/",)', '"a", 1, 2, 3']
)
def test_a_declaration_that_only_python_could_read_is_refused(arguments: str):
    source = f"@step_spec({arguments})\ndef train(): ...\n"
    with pytest.raises(
        BadInput, match=r"train\.py: step_spec\(.*\) is not written in plain literals; write it"
    ):
        list(declarations(source, Path("train.py")))


def test_every_step_of_the_pipelines_declares_itself_and_follows_the_one_that_it_reads_from():
    names = {spec.name for spec in all_specs()}
    for file in sorted((PROJECT / "pipelines").glob("*.pipeline")):
        nodes = read_pipeline(file).nodes
        assert {node.name for node in nodes} <= names
        for place, node in enumerate(nodes):
            before = {earlier.name for earlier in nodes[:place]}
            assert begins(node.name) or step_before(node.name) in before


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("data/train.parquet", "02_data"),
        ("candidate", "05_train"),
        ("evaluation/groups.png", "06_evaluate"),
        ("published.json", "07_publish"),
        ("published.json.bak", "an earlier step"),
    ],
)
def test_a_file_of_a_run_is_made_by_the_step_that_declares_it(name: str, maker: str):
    assert maker_of(name) == maker


def test_a_step_that_nobody_declares_is_named_with_what_to_write():
    with pytest.raises(BadInput, match=r"step '04_clean': put @step_spec\('04_clean', .*clean\.py"):
        find_spec("04_clean")
