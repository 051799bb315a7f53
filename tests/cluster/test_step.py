"""One step alone: named generously, told its parameters strictly, in a run of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from goldenpath.cluster.run import again, run_pipeline
from goldenpath.cluster.step import (
    Parameter,
    find_step,
    find_steps,
    parameters_of,
    run_step,
    typed_parameters,
)
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.runs.run import list_runs, parent_of, steps_of
from goldenpath.settings import load_settings
from tests.helpers.small_project import TRAIN, fingerprint, make_project, step

# of the libraries that papermill imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    "Return a small project in which 02_data has run once."
    folder = make_project(tmp_path_factory.mktemp("stepping") / "project")
    run_step(load_settings(folder / "settings.ini", {}), "02_data", {})
    return folder


@pytest.fixture
def settings(project):
    return load_settings(project / "settings.ini", {})


@pytest.mark.parametrize(
    ("module", "begin"),
    [
        ("run", lambda project, settings: run_pipeline(project / "pipelines" / "train.pipeline", settings)),
        ("step", lambda project, settings: run_step(settings, "05_train", {})),
    ],
)
def test_threads_of_steps_sleep_while_they_wait(monkeypatch, project, settings, module, begin):
    environs = []

    def started(command, folder, environ, output):
        environs.append(environ)
        raise InterruptedError

    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(f"goldenpath.cluster.{module}.running", started)
    with pytest.raises(InterruptedError):
        begin(project, settings)
    assert environs[0]["OMP_WAIT_POLICY"] == "passive"


@pytest.mark.parametrize("name", ["05_train", "05", "train", "notebooks/05_train.ipynb"])
def test_a_step_is_found_by_name_number_word_and_path(project, name):
    assert find_step(project, name).name == "05_train.ipynb"


def test_an_unknown_step_is_named_with_the_nearest_and_all_others(project):
    with pytest.raises(
        BadInput, match=r"the project has no step '05_trian'; did you mean '05_train'\?.*02_data, 05_train"
    ):
        find_step(project, "05_trian")


def test_notebooks_without_a_parameters_cell_are_no_steps(project):
    assert list(find_steps(project)) == ["02_data", "05_train"]


def test_parameters_are_read_with_type_and_meaning(project):
    found = parameters_of(project / "notebooks" / "05_train.ipynb")
    assert found["seed"] == Parameter(
        name="seed", kind="int", default='int(os.environ.get("SEED", "42"))', help="seed of the fit"
    )
    assert list(found) == ["run", "seed", "share"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sede": "7"}, r"unknown parameter 'sede'; did you mean 'seed'\?; parameters: run, seed, share"),
        ({"zzz": "7"}, r"unknown parameter 'zzz'; parameters: run, seed, share"),
        ({"seed": "seven"}, r"seed = 'seven' is not allowed; allowed: a value of type int"),
        ({"seed": "7.5"}, r"seed = '7.5' is not allowed"),
        ({"share": "half"}, r"share = 'half' is not allowed; allowed: a value of type float"),
        ({"run": "\udcff"}, r"run = '\udcff' is not allowed; allowed: text in UTF-8"),
    ],
)
def test_a_wrong_parameter_stops_before_anything_runs(project, settings, given, message):
    before = list_runs(project / "volume" / "runs")
    with pytest.raises(BadInput, match=message):
        run_step(settings, "05_train", given)
    assert list_runs(project / "volume" / "runs") == before


def test_values_get_the_types_of_the_notebook():
    kinds = {"n": "int", "x": "float", "t": "str", "b": "bool", "u": "None"}
    known = {name: Parameter(name=name, kind=kind, default="", help="") for name, kind in kinds.items()}
    given = {"n": "7", "x": "0.5", "t": "007", "b": "yes", "u": "7"}
    assert typed_parameters(known, given) == {"n": 7, "x": 0.5, "t": "007", "b": True, "u": "7"}
    with pytest.raises(BadInput, match=r"b = 'maybe' is not allowed; allowed: yes or no"):
        typed_parameters(known, {"b": "maybe"})


def test_a_step_alone_opens_a_run_and_leaves_the_sources_as_they_are(project, settings):
    before = fingerprint(project)
    outcome = run_step(settings, "05_train", {"seed": "7"})
    assert outcome.exit_code == 0
    assert steps_of(outcome.run)["05_train"]["parameters"] == {"seed": 7}
    assert parent_of(outcome.run) == list_runs(project / "volume" / "runs")[0]
    assert (outcome.run / "candidate" / "model.txt").is_file()
    assert (outcome.run / "notebooks" / "05_train.html").is_file()
    assert fingerprint(project) == before


def test_a_step_that_fails_tells_how_to_run_it_again_and_that_works(project, settings):
    outcome = run_step(settings, "05_train", {}, values={"SEED": "13"})
    assert outcome.exit_code == 1
    assert outcome.failure.message == "first line seed 13 is unlucky: take another"
    command = again(outcome.failure, outcome)
    assert command == f"SEED=13 goldenpath step 05_train -p run={outcome.run.name}"
    assert run_step(settings, "05_train", {"run": outcome.run.name}).exit_code == 0


def test_a_notebook_that_cannot_start_is_told(project, settings):
    file = project / "notebooks" / "06_other.ipynb"
    notebook = json.loads((project / "notebooks" / "05_train.ipynb").read_text())
    notebook["metadata"]["kernelspec"]["name"] = "no-such-kernel"
    notebook["cells"] = [cell for cell in notebook["cells"] if "export" not in cell["source"]]
    file.write_text(json.dumps(notebook))
    try:
        with pytest.raises(
            GoldenpathError, match=r"papermill could not run 06_other.ipynb: .*no-such-kernel"
        ):
            run_step(settings, "06_other", {})
    finally:
        file.unlink()


def papermill(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    "Plain papermill, as a user would call it, from `folder`."
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("GOLDENPATH_", "ELYRA_"))
    }
    command = [sys.executable, "-m", "papermill", *words]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=500, check=False
    )


def test_plain_papermill_runs_a_step_from_the_notebooks_folder(project, tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(project / "notebooks", "05_train.ipynb", str(out), "-p", "seed", "7")
    assert done.returncode == 0, done.stderr
    newest = list_runs(project / "volume" / "runs")
    assert {"seed": 7} in [steps_of(run).get("05_train", {}).get("parameters") for run in newest]


def test_plain_papermill_refuses_an_edited_export_cell(project, tmp_path):
    file = project / "notebooks" / "05_train.ipynb"
    kept = file.read_text()
    file.write_text(step("05_train", "train", TRAIN, answer=3))
    try:
        done = papermill(project / "notebooks", "05_train.ipynb", str(tmp_path / "out.ipynb"))
    finally:
        file.write_text(kept)
    assert done.returncode != 0
    assert (
        "notebooks/05_train.ipynb is newer than goldenpath/steps/train.py: run 'make export'"
        in done.stderr.replace("\n", " ")
    )
