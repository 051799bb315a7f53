"""Pipelines: the file as a plain graph, and a real run of it on a copy of the project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from goldenpath.cluster.checks.travel import DEPENDENCIES
from goldenpath.cluster.debug import find_failed
from goldenpath.cluster.lab import copy_with_inputs
from goldenpath.cluster.pipeline_file import copy_pipeline, part_of, read_pipeline
from goldenpath.cluster.run import again, run_pipeline
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.runs.executed import read_failure
from goldenpath.runs.run import list_runs, parent_of, steps_of
from goldenpath.settings import load_settings
from tests.helpers.project import PROJECT
from tests.helpers.small_project import DATA, fingerprint, make_project, step

TRAIN = PROJECT / "pipelines" / "train.pipeline"


def changed(tmp_path: Path, change) -> Path:
    "Return the real pipeline file with one change made to its primary pipeline."
    document = json.loads(TRAIN.read_text())
    change(document["pipelines"][0])
    (tmp_path / "changed.pipeline").write_text(json.dumps(document))
    return tmp_path / "changed.pipeline"


def test_the_training_pipeline_is_the_graph_of_the_design():
    graph = read_pipeline(TRAIN)
    names = {node.id: node.name for node in graph.nodes}
    links = {(names[parent], node.name) for node in graph.nodes for parent in node.after}
    assert links == {
        ("02_data", "03_explore"),
        ("02_data", "05_train"),
        ("05_train", "06_evaluate"),
        ("06_evaluate", "07_publish"),
        ("07_publish", "09_contrast"),
    }
    order = [node.name for node in graph.nodes]
    assert all(order.index(parent) < order.index(name) for parent, name in links)


def test_every_node_has_label_image_and_the_projects_files():
    for name in ("train", "batch", "monitor", "retrain"):
        for node in read_pipeline(PROJECT / "pipelines" / f"{name}.pipeline").nodes:
            assert node.label
            assert node.parameters["runtime_image"].startswith("quay.io/")
            assert tuple(node.parameters["dependencies"]) == DEPENDENCIES
            assert node.parameters["disable_node_caching"] == "True"
            assert node.parameters["mounted_volumes"] == [
                {"path": "/mnt/goldenpath", "pvc_name": "goldenpath", "read_only": False}
            ]


def test_the_stock_image_of_the_pipelines_is_the_one_that_the_editor_offers():
    offered = json.loads((PROJECT / "runtime-images" / "stock.json").read_text())["metadata"]["image_name"]
    nodes = read_pipeline(TRAIN).nodes
    assert {node.parameters["runtime_image"] for node in nodes} == {offered}


def test_a_circle_is_refused_with_its_steps(tmp_path):
    def close(primary):
        first, last = primary["nodes"][0], primary["nodes"][-1]
        first["inputs"][0]["links"] = [{"id": "x", "node_id_ref": last["id"], "port_id_ref": "outPort"}]

    with pytest.raises(BadInput, match=r"the steps go round in a circle: .*data -> "):
        read_pipeline(changed(tmp_path, close))


def test_a_link_from_nowhere_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"a link begins at node .* which is not in the pipeline"):
        read_pipeline(changed(tmp_path, lambda primary: primary["nodes"].pop(0)))


def test_a_node_without_a_notebook_is_refused(tmp_path):
    def forget(primary):
        primary["nodes"][0]["app_data"]["component_parameters"]["filename"] = ""

    with pytest.raises(BadInput, match="node 'data' names no notebook"):
        read_pipeline(changed(tmp_path, forget))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pipelines": []}'])
def test_a_file_that_is_no_pipeline_is_named(tmp_path, text):
    (tmp_path / "x.pipeline").write_text(text)
    with pytest.raises(BadInput, match=r"x.pipeline is not a pipeline: open it in the Elyra editor"):
        read_pipeline(tmp_path / "x.pipeline")
    with pytest.raises(BadInput, match=r"absent.pipeline cannot be read"):
        read_pipeline(tmp_path / "absent.pipeline")


@pytest.mark.parametrize(
    ("until", "without", "names"),
    [
        ("05_train", (), ["02_data", "05_train"]),
        ("evaluate", (), ["02_data", "05_train", "06_evaluate"]),
        ("02", (), ["02_data"]),
        ("", ("09_contrast",), ["02_data", "03_explore", "05_train", "06_evaluate", "07_publish"]),
        ("", ("contrast", "explore"), ["02_data", "05_train", "06_evaluate", "07_publish"]),
        ("07", ("06", "07"), ["02_data", "05_train"]),
    ],
)
def test_a_part_of_a_pipeline_is_a_step_and_what_it_needs(until, without, names):
    assert sorted(node.name for node in part_of(read_pipeline(TRAIN), until, without).nodes) == names


def test_a_part_that_cannot_run_is_refused_with_the_reason():
    graph = read_pipeline(TRAIN)
    with pytest.raises(BadInput, match="06_evaluate needs 05_train: leave out both, or none"):
        part_of(graph, without=["05_train"])
    with pytest.raises(
        BadInput, match=r"train.pipeline has no step 'trian'; did you mean '05_train'\? Steps: "
    ):
        part_of(graph, until="trian")


def test_the_copy_of_a_pipeline_has_the_values_in_every_node_and_the_source_has_not(tmp_path):
    project = make_project(tmp_path / "project")
    file = project / "pipelines" / "train.pipeline"
    document = json.loads(file.read_text())
    defaults = document["pipelines"][0]["app_data"]["properties"]["pipeline_defaults"]
    defaults["env_vars"] = [{"env_var": "MODE", "value": "default"}]
    file.write_text(json.dumps(document))
    before = fingerprint(project)
    values = {"MODE": "set", "SEED": "7"}
    copied = copy_pipeline(read_pipeline(file), project, tmp_path / "copy", values)
    assert fingerprint(project) == before
    assert [node.name for node in copied.nodes] == ["02_data", "05_train"]
    for node in copied.nodes:  # a node's own variables win over the defaults, and those over the environment
        variables = {entry["env_var"]: entry["value"] for entry in node.parameters["env_vars"]}
        assert variables.items() >= values.items()
    assert copied.file.is_relative_to(tmp_path / "copy")


def test_the_copy_of_a_part_of_a_pipeline_holds_that_part(tmp_path):
    project = make_project(tmp_path / "project")
    graph = part_of(read_pipeline(project / "pipelines" / "train.pipeline"), until="02_data")
    copied = copy_pipeline(graph, project, tmp_path / "copy", {})
    assert [node.name for node in read_pipeline(copied.file).nodes] == ["02_data"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    "Return a run in a folder with a space in its name, after an export cell was edited and not exported."
    project = make_project(tmp_path_factory.mktemp("a b") / "my project")
    subprocess.run([find_program("nbdev-export")], cwd=project, check=True, capture_output=True, timeout=500)
    (project / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", DATA, answer=2))
    before = fingerprint(project)
    seen = []
    settings = load_settings(project / "settings.ini", {})
    outcome = run_pipeline(project / "pipelines" / "train.pipeline", settings, seen.append, {"SEED": "7"})
    return project, before, seen, outcome


def test_a_pipeline_runs_on_a_copy_through_elyra(ran):
    project, _, _, outcome = ran
    assert outcome.exit_code == 0
    assert outcome.run.parent == project / "volume" / "runs"
    assert (outcome.run / "candidate" / "model.txt").is_file()
    assert {name: note["status"] for name, note in steps_of(outcome.run).items()} == {
        "02_data": "done",
        "05_train": "done",
    }


def test_an_edited_export_cell_is_exported_first_and_runs(ran):
    _, _, _, outcome = ran
    assert (outcome.run / "data" / "train.parquet").read_text().startswith("2 ")


def test_values_of_one_run_reach_the_steps(ran):
    _, _, _, outcome = ran
    assert (outcome.run / "data" / "train.parquet").read_text() == "2 7"
    assert steps_of(outcome.run)["05_train"]["parameters"] == {"seed": 7}


def test_the_sources_stay_byte_for_byte_but_for_the_stale_export(ran):
    project, before, _, _ = ran
    after = fingerprint(project)
    differing = {name for name in before | after if before.get(name) != after.get(name)}
    assert differing == {"goldenpath/steps/data.py"}


def test_each_step_is_told_when_it_begins_and_when_it_ends(ran):
    _, _, seen, outcome = ran
    assert [(step.name, step.status) for step in seen if step.status == "done"] == [
        ("02_data", "done"),
        ("05_train", "done"),
    ]
    assert ("05_train", "running") in [(step.name, step.status) for step in seen]
    assert all(0 < step.seconds < outcome.seconds for step in outcome.steps)


def test_the_executed_notebooks_are_kept_also_as_pages_without_script(ran):
    _, _, _, outcome = ran
    for name in ("02_data", "05_train"):
        page = (outcome.run / "notebooks" / f"{name}.html").read_text()
        assert outcome.run.name in page
        assert "<script" not in page
        assert not [tag for tag in ('src="http', 'href="http') if tag in page]
    assert not list(outcome.run.rglob("__pycache__"))


@pytest.fixture(scope="module")
def failed(ran):
    "Return the outcome of a run whose second step fails."
    settings = load_settings(ran[0] / "settings.ini", {})
    return run_pipeline(ran[0] / "pipelines" / "train.pipeline", settings, values={"SEED": "13"})


def test_a_step_that_fails_is_told_with_its_cell_and_nothing_is_deleted(failed):
    outcome, failure = failed, failed.failure
    assert outcome.exit_code == 1
    assert (failure.step, failure.kind, failure.message) == (
        "05_train",
        "BadInput",
        "first line seed 13 is unlucky: take another",
    )
    executed = json.loads(failure.file.read_text())
    failing = [cell for cell in executed["cells"] if cell.get("execution_count") == failure.cell]
    assert "seed 13 is unlucky" in "".join(failing[0]["source"])
    assert again(failure, outcome) == f"SEED=13 goldenpath step 05_train -p run={outcome.run.name}"
    assert (outcome.run / "data" / "train.parquet").is_file()
    assert steps_of(outcome.run)["05_train"]["status"] == "failed"
    assert failure.file.with_suffix(".html").is_file()


def test_the_failing_cell_is_shown_with_the_inputs_of_its_run(ran, failed):
    settings = load_settings(ran[0] / "settings.ini", {})
    step = find_failed(settings, failed.run.name)
    assert step.failure == failed.failure
    assert 'raise BadInput("first line' in step.source
    assert step.inputs == {"data/train.parquet": failed.run / "data" / "train.parquet"}
    assert step.variables == {"RUN": failed.run.name, "GOLDENPATH_PROJECT": str(ran[0]), "SEED": "13"}
    with pytest.raises(BadInput, match=f"no step of run {ran[3].run.name} failed"):
        find_failed(settings, ran[3].run.name)


def test_a_copy_with_inputs_fails_again_in_a_new_run_that_reads_from_the_one_that_failed(
    ran, failed, tmp_path
):
    step = find_failed(load_settings(ran[0] / "settings.ini", {}), failed.run.name)
    record = step.failure.file.read_bytes()
    copy = copy_with_inputs(step, ran[0])
    before = set(list_runs(failed.run.parent))
    papermill = [sys.executable, "-m", "papermill", "--cwd", str(copy.parent)]
    done = subprocess.run(
        [*papermill, str(copy), str(tmp_path / "again.ipynb")], capture_output=True, timeout=500
    )
    assert done.returncode == 1
    assert read_failure(tmp_path / "again.ipynb").message == failed.failure.message
    [opened] = set(list_runs(failed.run.parent)) - before
    assert parent_of(opened) == failed.run
    assert step.failure.file.read_bytes() == record


def test_a_copy_is_kept_until_the_step_has_failed_again(ran, failed):
    step = find_failed(load_settings(ran[0] / "settings.ini", {}), failed.run.name)
    copy = copy_with_inputs(step, ran[0])
    copy.write_text("edited")
    assert copy_with_inputs(step, ran[0]) == copy
    os.utime(copy, (0, 0))
    assert copy_with_inputs(step, ran[0]) == copy.with_name("05_train-2.ipynb")
    assert copy.read_text() == "edited"


def test_a_run_without_a_failing_cell_is_told(ran, tmp_path):
    settings = load_settings(ran[0] / "settings.ini", {}).model_copy(update={"home": str(tmp_path)})
    with pytest.raises(BadInput, match="no step was run yet"):
        find_failed(settings)
    killed = tmp_path / "runs" / "20261121T000000Z-abcdef"
    for name in ("steps", "notebooks"):
        (killed / name).mkdir(parents=True)
    shutil.copy(ran[0] / "notebooks" / "05_train.ipynb", killed / "notebooks")
    (killed / "steps" / "05_train.json").write_text('{"status": "running"}')
    with pytest.raises(
        BadInput, match=f"05_train still runs, or was killed; `goldenpath run --resume {killed.name}"
    ):
        find_failed(settings)


def test_a_refusal_of_the_gate_ends_with_3(ran):
    settings = load_settings(ran[0] / "settings.ini", {})
    outcome = run_pipeline(ran[0] / "pipelines" / "train.pipeline", settings, values={"SEED": "14"})
    assert outcome.exit_code == 3


def test_a_pipeline_that_elyra_refuses_is_told_with_its_complaint(ran, tmp_path):
    project = tmp_path / "copy"
    shutil.copytree(ran[0], project, symlinks=True, ignore=shutil.ignore_patterns("volume"))
    (project / "notebooks" / "05_train.ipynb").unlink()
    settings = load_settings(project / "settings.ini", {})
    with pytest.raises(GoldenpathError, match=r"elyra-pipeline ended with 1: \[Error\]\[train\]\[filename\]"):
        run_pipeline(project / "pipelines" / "train.pipeline", settings)


def test_a_pipeline_outside_the_project_is_refused(ran, tmp_path):
    shutil.copy(TRAIN, tmp_path / "train.pipeline")
    settings = load_settings(ran[0] / "settings.ini", {})
    with pytest.raises(BadInput, match="is outside the project"):
        run_pipeline(tmp_path / "train.pipeline", settings)


def test_without_nbdev_a_stale_export_stops_the_run(ran, monkeypatch):
    project = ran[0]
    (project / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", DATA, answer=9))
    monkeypatch.setattr("goldenpath.cluster.workspace.find_spec", lambda name: None)
    before = len(os.listdir(project / "volume" / "runs"))
    settings = load_settings(project / "settings.ini", {})
    with pytest.raises(
        BadInput, match=r"02_data.ipynb is newer than goldenpath/steps/data.py: run 'make export'"
    ):
        run_pipeline(project / "pipelines" / "train.pipeline", settings)
    assert len(os.listdir(project / "volume" / "runs")) == before
