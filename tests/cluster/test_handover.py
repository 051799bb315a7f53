"""Between the steps of a pipeline: a missing link is named as such, and so is a file that does not travel."""

import json
import shutil
from pathlib import Path

import pytest

from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.cluster.workspace import copy_project
from tests.helpers.pipeline_edits import add_code, check, edit, edit_notebook, only
from tests.helpers.project import PROJECT

TRAIN = json.loads((PROJECT / "pipelines" / "train.pipeline").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    "Return a copy of the real project, beside whose pipelines changed ones are put."
    folder = tmp_path_factory.mktemp("whole") / "project"
    folder.mkdir()
    copy_project(PROJECT, folder)
    shutil.copytree(PROJECT / "runtime-images", folder / "runtime-images")
    return folder


def changed(whole: Path, change) -> Path:
    "Return the real training pipeline under another name; `change` gets its nodes by label."
    document = json.loads(json.dumps(TRAIN))
    change({node["app_data"]["label"]: node for node in document["pipelines"][0]["nodes"]})
    file = whole / "pipelines" / "changed.pipeline"
    file.write_text(json.dumps(document))
    return file


def cut(*labels: str):
    "Return a change that deletes the links that lead to these nodes."

    def change(nodes):
        for label in labels:
            nodes[label]["inputs"][0]["links"] = []

    return change


@pytest.mark.parametrize(
    ("reader", "maker"),
    [
        ("explore", "data"),
        ("train", "data"),
        ("evaluate", "train"),
        ("publish", "evaluate"),
        ("contrast", "publish"),
    ],
)
def test_a_missing_link_is_the_one_thing_that_is_said(whole, reader, maker):
    trap = only(check_pipeline(changed(whole, cut(reader))))
    assert (trap.kind, trap.level, trap.where) == ("link", "error", reader)
    assert f"and no link leads here from {maker}; connect {maker} with {reader}" in str(trap)


def test_two_missing_links_are_two_findings(whole):
    traps = check_pipeline(changed(whole, cut("evaluate", "contrast")))
    assert [(trap.kind, trap.where) for trap in traps] == [("link", "evaluate"), ("link", "contrast")]


def test_a_file_that_five_steps_read_is_said_once(whole):
    def change(nodes):
        nodes["data"]["app_data"]["component_parameters"]["outputs"] = []

    trap = only(check_pipeline(changed(whole, change)))
    assert (trap.kind, trap.where) == ("output", "data")
    assert trap.problem == (
        "03_explore and 4 more read run.json, which this step leaves but does not declare"
    )


def test_what_no_step_reads_of_the_run_needs_no_link(project):
    edit(project, lambda primary, properties, said: primary["nodes"][1]["inputs"][0].pop("links"))
    assert "link" in {trap.kind for trap in check(project)}
    edit_notebook(project, renamed("data/train.parquet"), "05_train")  # neither declared nor called for
    assert check(project) == []


def renamed(path: str):
    "Return a change by which a notebook reads another file of its run, which no step makes."

    def change(notebook):
        for cell in notebook["cells"]:
            cell["source"] = cell["source"].replace(path, "by-hand.csv")

    return change


def test_an_output_that_a_later_step_reads_and_nobody_declares(project):
    edit(project, lambda primary, properties, said: said[0].update(outputs=[]))
    trap = only(check(project))
    assert trap.kind == "output"
    assert str(trap).startswith("data: 05_train reads run.json, which this step leaves but does not declare")


def test_any_other_file_that_travels_by_the_working_folder_alone(project):
    edit_notebook(project, add_code("frame.to_csv('rows.csv')"), "02_data")
    edit_notebook(project, add_code("frame = pd.read_csv('rows.csv')"), "05_train")
    assert "05_train reads rows.csv" in only(check(project)).problem
    edit(project, lambda primary, properties, said: said[0]["outputs"].append("rows.csv"))
    assert check(project) == []


@pytest.mark.parametrize(
    "line",
    [
        "rows.to_csv('lost.csv')",
        "figure.savefig('lost.csv')",
        "open('lost.csv', 'w').write('x')",
        "open('lost.csv', mode='a')",
        "Path('lost.csv').write_text('x')",
    ],
)
def test_a_file_that_is_written_to_a_relative_path_is_lost_with_its_pod(project, line):
    edit_notebook(project, add_code(line), "05_train")
    trap = only(check(project))
    assert (trap.kind, trap.level, trap.where) == ("lost", "warning", "train")
    assert trap.problem.startswith("05_train writes lost.csv into its working folder, which is lost")
    edit(project, lambda primary, properties, said: said[1].update(outputs=["lost.csv"]))
    assert check(project) == []


@pytest.mark.parametrize(
    "line",
    [
        "open('there.csv')",
        "rows.to_csv(step.run.output('rows.csv'))",
        "file.write_text('see notes.txt')",
        "step.save('rows.json', rows)",
        "step.table('rows.csv')",
    ],
)
def test_what_is_read_or_written_to_the_run_is_not_lost(project, line):
    edit_notebook(project, add_code(line), "05_train")
    assert check(project) == []
