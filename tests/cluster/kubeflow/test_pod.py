"""What an exported step does in its pod, apart from the notebook's own work, which the rehearsals run."""

import json
from pathlib import Path

import pytest

from goldenpath.cluster.kubeflow import pod
from goldenpath.cluster.kubeflow.pod import run_pod
from goldenpath.runs.executed import Failure
from goldenpath.runs.run import steps_of
from goldenpath.tracking.facts import facts_of
from tests.helpers.gated_project import verdict_json
from tests.helpers.project import PROJECT

# of papermill's imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")
RUN = "20261128T120000Z-abcdef"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "Return the folder of a run, with the project's notebooks in the working folder."
    monkeypatch.setenv("GOLDENPATH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUN_ID", "")
    (tmp_path / "work").mkdir()
    for name in ("02_data", "06_evaluate", "12_retrain"):
        (tmp_path / "work" / f"{name}.ipynb").symlink_to(PROJECT / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path / "work")
    folder = tmp_path / "home" / "runs" / RUN
    folder.mkdir(parents=True)
    return folder


def executes(monkeypatch: pytest.MonkeyPatch, kind: str = "") -> list[tuple[Path, dict[str, object]]]:
    "Let no notebook run: record where it would be kept, and its parameters; with a kind of error, it fails."
    executed: list[tuple[Path, dict[str, object]]] = []

    def execute(notebook: Path, kept: Path, parameters: dict[str, object]) -> Failure | None:
        executed.append((kept, parameters))
        failure = Failure(step=notebook.stem, file=kept, cell=9, kind=kind, message="the reason")
        return failure if kind else None

    monkeypatch.setattr(pod, "execute", execute)
    return executed


@pytest.mark.parametrize(
    ("result", "clash", "outcome"),
    [
        ("pass", "", "passed"),
        ("hold", "", "passed"),
        ("fail", "", "refused"),
        ("pass", "it clashes", "refused"),
    ],
)
def test_the_verdict_decides_which_branch_runs(
    run: Path, monkeypatch: pytest.MonkeyPatch, result: str, clash: str, outcome: str
):
    executes(monkeypatch)
    (run / "verdict.json").write_text(verdict_json(result))
    (run / "training.json").write_text(json.dumps({"clash": clash}))
    words = ["06_evaluate", "--run", RUN, "--run-to", "out/run_id", "--outcome-to", "out/outcome"]
    assert run_pod([*words, "-p", "threshold", "0.5"]) == 0
    assert Path("out/outcome").read_text() == outcome
    assert Path("out/run_id").read_text() == RUN
    assert json.loads(Path("run.json").read_text())["run_id"] == RUN


def test_a_refused_candidate_ends_the_run_with_its_reasons(run: Path, capsys: pytest.CaptureFixture[str]):
    (run / "verdict.json").write_text(verdict_json("fail"))
    assert run_pod(["--refused", RUN]) == 3
    assert (
        "candidate 1.0.0-x is refused: roc_auc at least: 0.7123 (asked for 0.9); see"
        in capsys.readouterr().err
    )
    (note,) = steps_of(run).values()
    assert (note["step"], note["status"]) == ("07_publish", "failed")
    assert note["reason"].startswith("GateRefused: candidate 1.0.0-x is refused: roc_auc at least")
    assert facts_of(run).status == "FAILED"


def test_the_first_step_makes_the_run_and_its_parameters_get_their_types(
    run: Path, monkeypatch: pytest.MonkeyPatch
):
    executed = executes(monkeypatch)
    assert run_pod(["02_data", "--run", RUN, "--run-to", "out/run_id", "-p", "source", ""]) == 0
    new = Path("out/run_id").read_text()
    assert new != RUN
    ((kept, parameters),) = executed
    assert kept == run.parent / new / "notebooks" / "02_data.ipynb"
    assert parameters == {"source": ""}


def test_a_step_that_fails_hands_nothing_on(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    executes(monkeypatch, "MemoryError")
    assert run_pod(["02_data", "--run-to", "out/run_id"]) == 1
    assert not Path("out").exists()
    assert "02_data stopped in cell [9]: MemoryError: the reason" in capsys.readouterr().err


def test_a_training_that_is_not_due_is_an_outcome_and_no_failure(run: Path, monkeypatch: pytest.MonkeyPatch):
    executes(monkeypatch, "NotDue")
    assert run_pod(["12_retrain", "--run-to", "out/run_id", "--outcome-to", "out/outcome"]) == 0
    assert Path("out/outcome").read_text() == "not due"
    executes(monkeypatch)
    assert run_pod(["12_retrain", "--run-to", "out/run_id", "--outcome-to", "out/outcome"]) == 0
    assert Path("out/outcome").read_text() == "due"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--refused", "20200101T000000Z-000000"], "there is no run '20200101T000000Z-000000'"),
        (["02_data", "-p", "sorce", "x"], "unknown parameter 'sorce'; did you mean 'source'"),
    ],
)
def test_what_cannot_run_is_one_line(
    run: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("goldenpath.volume.RENAME_PATIENCE", 0.0)
    assert run_pod(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
