"""The export: what KFP's own SDK makes of a pipeline file, and the command."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cluster.kubeflow import export
from goldenpath.cluster.kubeflow.export import export_pipeline
from goldenpath.cluster.kubeflow.git_source import GitSource
from goldenpath.cluster.kubeflow.plan import has_gate
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.cluster.tasks import Task, read_tasks
from goldenpath.errors import BadInput
from goldenpath.measure.environments import isolated_python
from tests.helpers.gated_project import make_gated_project
from tests.helpers.imports import imported, modules
from tests.helpers.pipeline_edits import edit
from tests.helpers.project import PROJECT

# of papermill's imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")
LOCK = PROJECT / "tests" / "data" / "kfp" / "requirements.lock"


def exported(project: Path, folder: Path, name: str = "train", **options: Any) -> Path:
    graph = read_pipeline(project / "pipelines" / f"{name}.pipeline")
    return export_pipeline(graph, project, folder / f"{name}.yaml", options.pop("values", {}), **options).file


def tasks_by_label(file: Path) -> dict[str, Task]:
    return {task.label: task for task in read_tasks(file)}


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return the project's own training pipeline, exported."
    return exported(PROJECT, tmp_path_factory.mktemp("export"))


def test_steps_run_in_the_order_of_the_pipeline_file(train: Path):
    tasks = read_tasks(train)
    labels = {task.id: task.label for task in tasks}
    assert {task.label: [labels[earlier] for earlier in task.after] for task in tasks} == {
        "data": [],
        "explore": ["data"],
        "train": ["data"],
        "evaluate": ["train"],
        "publish": ["evaluate"],
        "contrast": ["evaluate", "publish"],
        "refused": ["evaluate"],
    }


@pytest.mark.parametrize(("outcome", "runs"), [("passed", ["publish", "contrast"]), ("refused", ["refused"])])
def test_the_gate_opens_one_branch_or_the_other(train: Path, outcome: str, runs: list[str]):
    tasks = tasks_by_label(train)
    outputs = {(tasks["evaluate"].id, "outcome"): outcome}
    branches = [task for task in tasks.values() if task.requires]
    assert [task.label for task in branches if all(one.holds(outputs) for one in task.requires)] == runs


@pytest.mark.parametrize(("name", "gated"), [("train", True), ("retrain", True), ("batch", False)])
def test_only_a_pipeline_that_publishes_behind_a_verdict_has_a_gate(name: str, gated: bool):
    assert has_gate(read_pipeline(PROJECT / "pipelines" / f"{name}.pipeline")) is gated


def test_the_run_form_has_the_steps_own_parameters_with_types_and_comments(train: Path):
    pipeline, _ = yaml.safe_load_all(train.read_text())
    form = pipeline["root"]["inputDefinitions"]["parameters"]
    assert form["seed"] == {
        "defaultValue": 42.0,
        "description": "seed of the fit",
        "isOptional": True,
        "parameterType": "NUMBER_INTEGER",
    }
    assert form["group"]["defaultValue"] == "race_ethnicity_combined"
    assert set(form) == {"source", "group", "within", "seed", "threshold", "version", "requests", "volume"}


def test_values_of_the_run_form_reach_the_step_that_they_are_for(train: Path):
    tasks = {task.label: task for task in read_tasks(train, {"seed": "7", "volume": "other"})}
    outputs = {(tasks["data"].id, "run_id"): "R"}
    command = tasks["train"].filled(outputs, "/out").command
    assert command[-8:] == ("05_train", "--run", "R", "--run-to", "/out/run_id", "-p", "seed", "7")
    assert tasks["train"].mounts == {"/mnt/goldenpath": "other"}
    assert tasks["contrast"].mounts == {"/mnt/goldenpath": "other"}


def test_no_task_is_cached_and_every_step_is_tried_again_once(train: Path):
    pipeline, _ = yaml.safe_load_all(train.read_text())
    components = pipeline["components"].values()
    dags = [pipeline["root"]["dag"], *(one["dag"] for one in components if "dag" in one)]
    tasks = [task for dag in dags for task in dag["tasks"].values() if "triggerPolicy" not in task]
    assert len(tasks) == 7
    assert all(not task["cachingOptions"].get("enableCache") for task in tasks)
    retries = {task["taskInfo"]["name"]: task.get("retryPolicy", {}).get("maxRetryCount") for task in tasks}
    assert retries.pop("refused") is None
    assert set(retries.values()) == {1}


def test_pods_run_the_stock_image_and_no_kfp(train: Path):
    stock = json.loads((PROJECT / "runtime-images" / "stock.json").read_text())["metadata"]["image_name"]
    tasks = read_tasks(train)
    assert {task.image for task in tasks} == {stock}
    assert {task.environ["ELYRA_RUNTIME_ENV"] for task in tasks} == {"kfp"}
    assert not [
        word for task in tasks for word in task.command if "import kfp" in word or "pip install" in word
    ]


def steps_of_pods(tasks: dict[str, Task]) -> dict[str, list[str]]:
    return {name: sorted(task.environ["RUN_STEPS"].split()) for name, task in tasks.items()}


EVERY_STEP = ["02_data", "03_explore", "05_train", "06_evaluate", "07_publish", "09_contrast"]


def test_each_pod_knows_all_steps_of_the_run_that_it_works_in(train: Path):
    assert set(map(tuple, steps_of_pods(tasks_by_label(train)).values())) == {tuple(EVERY_STEP)}


def test_a_training_that_is_not_due_leaves_everything_behind_it_out(tmp_path: Path):
    tasks = tasks_by_label(exported(PROJECT, tmp_path, "retrain"))
    assert steps_of_pods(tasks)["look"] == ["12_retrain"]  # what follows opens a run of its own
    assert steps_of_pods(tasks)["train"] == EVERY_STEP
    look = tasks.pop("look")
    outputs = {(look.id, "outcome"): "not due", (tasks["evaluate"].id, "outcome"): "passed"}
    assert not look.requires
    assert not [name for name, task in tasks.items() if all(one.holds(outputs) for one in task.requires)]
    outputs[look.id, "outcome"] = "due"
    runs = {name for name, task in tasks.items() if all(one.holds(outputs) for one in task.requires)}
    assert runs == {"data", "explore", "train", "evaluate", "publish", "contrast"}


def test_resources_secrets_and_labels_of_the_editor_are_kept(tmp_path: Path):
    project = make_gated_project(tmp_path / "project")

    def ask(primary: Any, properties: Any, nodes: Any) -> None:
        nodes[1] |= {"cpu": 2, "memory": 4, "memory_limit": 8, "gpu": 1, "gpu_vendor": "nvidia.com/gpu"}
        nodes[1]["kubernetes_secrets"] = [{"env_var": "TOKEN", "name": "gp-rows", "key": "token"}]
        nodes[1]["kubernetes_pod_labels"] = [{"key": "team", "value": "a"}]
        nodes[1]["kubernetes_tolerations"] = [{"key": "gpu", "operator": "Exists", "value": "", "effect": ""}]

    edit(project, ask)
    pipeline, platform = yaml.safe_load_all(exported(project, tmp_path).read_text())
    resources = pipeline["deploymentSpec"]["executors"]["exec-train"]["container"]["resources"]
    assert resources["resourceCpuRequest"] == "2"
    assert (resources["resourceMemoryRequest"], resources["resourceMemoryLimit"]) == ("4G", "8G")
    assert resources["accelerator"] | {"count": "1"} == {
        "count": "1",
        "type": "nvidia.com/gpu",
        "resourceCount": "1",
        "resourceType": "nvidia.com/gpu",
    }
    pod = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train"]
    assert pod["secretAsEnv"][0]["keyToEnv"] == [{"envVar": "TOKEN", "secretKey": "token"}]
    assert pod["podMetadata"]["labels"] == {"team": "a"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_with_git_a_first_task_brings_the_commit_and_all_others_wait(tmp_path: Path):
    project = make_gated_project(tmp_path / "project")
    git = GitSource("https://git.example.org/a.git", "a" * 40, "models", "gp-git")
    file = exported(project, tmp_path, git=git)
    tasks = tasks_by_label(file)
    code = tasks["code"]
    assert code.command[-4:] == (git.url, git.commit, "models", "pipelines/train.pipeline")
    assert code.after == ()
    assert tasks["data"].after == (code.id,)
    assert "GIT_PASSWORD" in file.read_text()


def test_a_pipeline_whose_steps_share_no_volume_is_refused(tmp_path: Path):
    project = make_gated_project(tmp_path / "project")

    def unmount(primary: Any, properties: Any, nodes: Any) -> None:
        properties["pipeline_defaults"]["mounted_volumes"] = []

    edit(project, unmount)
    with pytest.raises(BadInput, match=r"train.pipeline: all steps need the same volume"):
        exported(project, tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none/a.yaml", r"a.yaml cannot be written \(No such file"),
        ("a.txt", r"KFP cannot compile train.pipeline: .*\.yaml"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str, message: str):
    graph = read_pipeline(PROJECT / "pipelines" / "train.pipeline")
    with pytest.raises(BadInput, match=message):
        export_pipeline(graph, PROJECT, tmp_path / name, {})


def test_without_the_sdk_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(
        BadInput, match=r"needs the extra `kfp`; run `pip install -e '\.\[kfp\]'` in the project"
    ):
        exported(PROJECT, tmp_path)


def test_the_sdk_is_imported_in_functions_of_one_module_only():
    naming = [path for path in modules(PROJECT / "goldenpath") if "kfp" in path.read_text()]
    importing = [path.name for path in naming if {"kfp", "kfp.dsl"} & imported(path)]
    assert importing == ["export.py"]
    tops = [
        node
        for node in ast.parse(Path(export.__file__).read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not [node for node in tops if "kfp" in ast.unparse(node)]


# The command


def test_the_command_writes_pipeline_and_code_and_says_where_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = make_gated_project(tmp_path / "project")
    monkeypatch.chdir(project)
    done = CliRunner().invoke(cli, ["pipeline", "export", "--set", "SEED=7"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "wrote train.yaml: 4 steps, code " in done.output
    assert "pods look for it in /mnt/goldenpath/code" in done.output
    (snapshot,) = (project / "volume" / "code").iterdir()
    assert (snapshot / "05_train.ipynb").is_file()
    assert (snapshot / "goldenpath" / "registry" / "roles.py").is_file()
    form = next(yaml.safe_load_all((project / "train.yaml").read_text()))["root"]["inputDefinitions"]
    assert form["parameters"]["seed"]["defaultValue"] == 7
    checked = CliRunner().invoke(cli, ["pipeline", "check", "train.yaml"], catch_exceptions=False)
    assert checked.output == "train.yaml: sound\n"


def test_a_broken_pipeline_is_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    project = make_gated_project(tmp_path / "project")
    file = project / "pipelines" / "train.pipeline"
    file.write_text(file.read_text().replace("05_train.ipynb", "05_trian.ipynb"))
    monkeypatch.chdir(project)
    done = CliRunner().invoke(cli, ["pipeline", "export"])
    assert done.exit_code == 2
    assert "train.pipeline was not exported: train: " in done.output
    assert not (project / "train.yaml").exists()


# KFP 2.17, the stock workbench's, in an environment of its own

COMPILES = """
import sys
from pathlib import Path

import kfp
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2 as spec

from goldenpath.cluster.kubeflow.export import export_pipeline
from goldenpath.cluster.pipeline_file import read_pipeline

project = Path(sys.argv[1])
for name in map(Path, sys.argv[2:]):
    graph = read_pipeline(project / "pipelines" / f"{name.stem}.pipeline")
    file = export_pipeline(graph, project, name, {}).file
    components.load_component_from_file(str(file))
    pipeline, platform = yaml.safe_load_all(file.read_text())
    json_format.ParseDict(pipeline, spec.PipelineSpec())
    for executor in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        json_format.ParseDict(executor, kubernetes.KubernetesExecutorConfig())
    print(kfp.__version__)
"""


@pytest.mark.slow
def test_kfp_2_17_compiles_the_same_pipelines_and_accepts_them(tmp_path: Path):
    there = isolated_python("kfp", "--require-hashes", "-r", str(LOCK))
    names = ("train", "batch", "monitor", "retrain")
    packages = next((there.parent.parent / "lib").glob("python3*/site-packages"))
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), str(packages)])}
    files = [tmp_path / "2.17" / f"{name}.yaml" for name in names]
    files[0].parent.mkdir()
    command = [sys.executable, "-c", COMPILES, str(PROJECT), *map(str, files)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert [line[:5] for line in done.stdout.splitlines()] == ["2.17."] * len(names)
    for file in files:
        there_made, here_made = (
            list(yaml.safe_load_all(one.read_text()))
            for one in (file, exported(PROJECT, tmp_path, file.stem))
        )
        for made in (there_made, here_made):
            assert made[0].pop("sdkVersion").startswith("kfp-2.")
        assert there_made == here_made
