"""A project and its steps: one shape for all, and the three names of the front door."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from goldenpath import Project, open_step
from goldenpath.errors import BadInput
from goldenpath.registry.registry import Registry
from goldenpath.runs.run import steps_of
from goldenpath.schema.contract import Contract, Record, Target
from goldenpath.settings import Settings
from tests.helpers.project import PROJECT


class Count(BaseModel):
    rows: int


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    "Return a project whose home is new, outside of any pipeline."
    for name in ("RUN_ID", "RUN", "ELYRA_RUNTIME_ENV"):
        monkeypatch.delenv(name, raising=False)
    return Project(Settings(home=str(home)))


def note(project: Project, name: str) -> dict[str, object]:
    "Return what a step noted in the newest run."
    return steps_of(max(project.runs.iterdir()))[name]


def test_a_step_loads_by_name_what_another_run_saved_and_notes_that_it_is_done(project: Project):
    with open_step("02_data", project=project, source="synthetic") as step:
        assert note(project, "02_data")["status"] == "running"
        step.save("data/summary.json", Count(rows=7))
    done = note(project, "02_data")
    assert (done["status"], done["parameters"]) == ("done", {"source": "synthetic"})
    with open_step("05_train", run=step.run.id, project=project, seed=1) as reader:
        assert reader.load("data/summary.json", Count).rows == 7
    told = steps_of(reader.run.folder)["05_train"]
    assert told["parent"] == step.run.id
    assert told["parameters"] == {"run": step.run.id, "seed": 1}


def test_a_step_that_fails_notes_why_in_one_line_and_how_long_it_took(project: Project):
    with pytest.raises(BadInput, match="no rows"), open_step("02_data", project=project):
        raise BadInput("no rows:\n  look at data/")
    failed = note(project, "02_data")
    assert (failed["status"], failed["reason"]) == ("failed", "BadInput: no rows: look at data/")
    assert failed["seconds"] >= 0


def test_a_step_that_is_interrupted_is_not_left_running(project: Project):
    with pytest.raises(KeyboardInterrupt), open_step("02_data", project=project):
        raise KeyboardInterrupt
    assert note(project, "02_data")["status"] == "failed"


def test_a_step_whose_notebook_is_newer_than_its_module_opens_no_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    def refuse(name: str) -> None:
        raise BadInput(f"{name} is newer than its module")

    monkeypatch.setattr("goldenpath.project.check_fresh", refuse)
    with pytest.raises(BadInput, match="02_data is newer"), open_step("02_data", project=project):
        pytest.fail("the step must not start")
    assert not project.runs.exists()


def test_a_project_has_its_own_contract_unless_another_one_is_given(project: Project):
    class Visit(Record):
        age: int

    visits = Contract(Visit, Target(column="died", positive="yes", negative="no"))
    from goldenpath.contract import CONTRACT

    assert project.contract is CONTRACT
    assert Project(project.settings, visits).contract is visits


def test_the_registry_of_a_project_knows_the_keys_that_its_settings_name(home: Path):
    settings = Settings(home=str(home), project=str(home), verify_key="a.pub", require_signature=True)
    registry = Project(settings).registry
    assert isinstance(registry, Registry)
    assert (registry.keys.verify_with, registry.keys.required) == (home / "a.pub", True)


def test_the_front_door_loads_nothing_before_it_is_opened():
    heavy = "('numpy', 'pandas', 'pydantic', 'sklearn')"
    code = f"import sys, goldenpath; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, cwd=PROJECT, text=True) == "[]\n"


def test_the_data_step_loads_no_models_and_no_plots():
    heavy = "('matplotlib', 'onnxruntime', 'scipy', 'skl2onnx', 'sklearn', 'skops')"
    code = f"import sys, goldenpath.steps.data; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, text=True) == "[]\n"


def test_what_the_front_door_does_not_have_is_an_attribute_error():
    import goldenpath

    with pytest.raises(AttributeError, match="module 'goldenpath' has no attribute 'open_sesame'"):
        goldenpath.open_sesame  # noqa: B018
