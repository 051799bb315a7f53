"""The command: quick to answer, two rings of commands, one line for every error and its exit code."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner

from goldenpath.cli import BEHIND, EVERYDAY, cli
from goldenpath.cli.terminal import Progress
from goldenpath.runs.executed import StepProgress
from goldenpath.runs.run import list_runs
from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT
from tests.helpers.small_project import make_project

# of the libraries that papermill imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    "One small project for all tests that only add runs to it."
    return make_project(tmp_path_factory.mktemp("cli") / "project")


@pytest.fixture
def project(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def call(*words: str):
    "Run the command in this process."
    return CliRunner().invoke(cli, list(words), prog_name="goldenpath")


def program(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    "Run the command as a program of its own."
    command = [sys.executable, "-m", "goldenpath", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500, check=False)


def every_command(group: click.Group, *above: str):
    "All commands below a group, as words."
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from every_command(command, *above, name)


def test_help_imports_nothing_heavy():
    heavy = {"pandas", "numpy", "sklearn", "pydantic", "rich", "papermill", "nbconvert", "matplotlib"}
    code = "import sys, goldenpath.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert heavy & set(done.stdout.split()) == set()


def test_the_everyday_commands_come_first():
    text = call("--help").output
    places = [text.index(f"\n  {name} ") for name in (*EVERYDAY, *BEHIND)]
    assert places == sorted(places)
    assert text.index("Everyday:") < places[0] < text.index("Behind them:") < text.index("\n  models ")


@pytest.mark.parametrize("words", list(every_command(cli)), ids=" ".join)
def test_every_command_explains_itself(words):
    done = call(*words, "--help")
    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 4
    assert done.output.startswith(f"Usage: goldenpath {' '.join(words)}")


def test_a_mistyped_command_is_answered_with_the_nearest():
    done = call("contrats")
    assert done.exit_code == 2
    assert "there is no command 'contrats'; did you mean 'contrast'?" in done.output


def test_an_error_of_ours_is_one_line_on_stderr_with_its_exit_code(tmp_path):
    (tmp_path / "settings.ini").write_text("[any]\nworkers = many\n")
    done = program("runs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {tmp_path}/settings.ini: workers = 'many' is not allowed; "
        "allowed: a whole number from 1 to 256\n"
    )


def test_a_warning_is_one_line_too(project, monkeypatch):
    environ = {"GOLDENPATH_WORKRES": "2", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "goldenpath", "runs"]
    done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=True)
    first = done.stderr.splitlines()[0]
    assert first == (
        "warning: variable GOLDENPATH_WORKRES is not a setting and is not used; "
        "did you mean 'GOLDENPATH_WORKERS'?"
    )


def test_the_steps_are_listed_and_their_parameters_too(project):
    assert call("step").output.split() == ["02_data", "05_train"]
    listing = call("step", "train", "--parameters").output
    assert "seed of the fit" in listing


def test_an_unknown_parameter_is_refused_with_the_nearest(project):
    done = call("step", "05_train", "-p", "sead=7")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: unknown parameter 'sead'; did you mean 'seed'?; parameters: run, seed, share\n"
    )
    assert call("step", "05_train", "-p", "seed").exit_code == 2


def test_a_step_that_fails_says_where_and_how_to_run_it_again(project):
    assert call("step", "02_data").exit_code == 0
    done = call("step", "05_train", "-p", "seed=13", "--compute", "local")
    newest = list_runs(project / "volume" / "runs")[-1].name
    assert done.exit_code == 1
    assert re.search(
        r"error: 05_train failed in cell \[\d+\]: BadInput: first line seed 13 is unlucky: take", done.stderr
    )
    assert f"executed notebook  volume/runs/{newest}/notebooks/05_train.ipynb" in done.stderr
    again = f"GOLDENPATH_COMPUTE=local goldenpath step 05_train -p run={newest}"
    assert f"run it again       {again}" in done.stderr
    assert "Traceback" not in done.output


def test_a_pipeline_whose_gate_refuses_ends_with_3_and_a_line_for_each_step(project):
    done = program("run", "--set", "SEED=14", cwd=project)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert lines[0].startswith("[1/2] 02_data")
    assert lines[0].endswith(" s")
    assert lines[1].startswith("[2/2] 05_train")
    assert lines[1].endswith("failed")
    assert any("GateRefused: the candidate did not pass" in line for line in lines)


def test_a_terminal_shows_what_a_step_does_and_ctrl_c_ends_all_its_programs(project):
    terminal, ours = pty.openpty()
    command = [sys.executable, "-m", "goldenpath", "run", "--set", "SEED=15"]
    runs, shown = project / "volume" / "runs", Reader(terminal)
    with subprocess.Popen(command, cwd=project, stderr=ours, text=True, preexec_fn=hear_ctrl_c) as process:
        os.close(ours)
        wait_until(lambda: "sleeping" in shown.read())
        assert re.search(r"\r\x1b\[K\[2/2\] 05_train +\d+\.\d s  sleeping", shown.text)
        run_id = next(runs.glob("*/asleep")).parent.name
        assert run_id in started_for(run_id)
        process.send_signal(signal.SIGINT)
        process.wait(LONG)
    assert process.returncode == 1
    wait_until(lambda: shown.read().splitlines()[-1:] == ["Aborted!"])
    wait_until(lambda: not started_for(run_id))
    os.close(terminal)


class Reader:
    "What a terminal has shown so far."

    def __init__(self, terminal: int) -> None:
        os.set_blocking(terminal, False)
        self.text, self._terminal = "", terminal

    def read(self) -> str:
        with contextlib.suppress(OSError):  # nothing new, or the other side is closed
            self.text += os.read(self._terminal, 1 << 16).decode()
        return self.text


def test_a_log_gets_a_line_about_a_running_step_every_half_minute(capsys):
    progress = Progress(["02_data", "09_contrast"])
    for seconds, doing in ((1, ""), (29.9, ""), (30.1, "timing batches"), (31, "x"), (65, "timing loading")):
        progress(at("running", seconds, doing))
    progress(at("done", 70.5))
    assert capsys.readouterr().err.splitlines() == [
        "[2/2] 09_contrast   30.1 s  timing batches",
        "[2/2] 09_contrast   65.0 s  timing loading",
        "[2/2] 09_contrast   70.5 s",
    ]


def at(status: str, seconds: float, doing: str = "") -> StepProgress:
    return StepProgress(name="09_contrast", file=Path("x"), status=status, seconds=seconds, doing=doing)


def hear_ctrl_c() -> None:
    "Restore SIGINT: a shell that put the tests into the background ignores it, and children inherit that."
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started_for(run_id: str) -> str:
    "Return the environments of all programs that work for a run."
    found = ""
    for other in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += other.environ().get("RUN_ID", "") if other.environ().get("RUN_ID") == run_id else ""
    return found


def test_runs_are_listed_and_laid_side_by_side(project):
    done = call("step", "02_data", "-p", "seed=7")
    assert done.exit_code == 0
    ids = [path.name for path in list_runs(project / "volume" / "runs")]
    assert ids[-1] in call("runs").stdout
    assert "(the last 1 of" in " ".join(call("runs", "-n", "1").stdout.split())
    side_by_side = call("runs", "compare", ids[0], "latest").stdout
    assert ids[0] in side_by_side
    assert "02_data" in side_by_side
    assert call("runs", "compare", "zzz").exit_code == 2


def test_no_run_yet_says_how_to_begin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.ini").touch()
    assert "no run yet in" in call("runs").stderr


def test_a_pipeline_file_that_is_not_there_is_named(project):
    done = call("run", "pipelines/absent.pipeline")
    assert done.exit_code == 2
    assert "pipeline pipelines/absent.pipeline cannot be read" in done.stderr


def test_pipeline_check_ends_with_1_where_there_is_a_trap(project):
    assert call("pipeline", "check").exit_code == 0
    file = project / "pipelines" / "my_own.pipeline"
    file.write_text((project / "pipelines" / "train.pipeline").read_text())
    try:
        done = call("pipeline", "check", str(file))
    finally:
        file.unlink()
    assert done.exit_code == 1
    assert "error (name) my_own: the name 'my_own' passes validation" in done.stdout


def test_doctor_shows_what_it_found(project):
    done = call("doctor")
    assert "settings" in done.stdout
    assert "pipeline train" in done.stdout


RECORD = json.dumps(
    {
        "current_status": "Laboratory-confirmed case",
        "sex": "Male",
        "age_group": "80+ Years",
        "race_ethnicity_combined": "Unknown",
        "hosp_yn": "Yes",
        "icu_yn": "Yes",
        "medcond_yn": "Yes",
    }
)


def test_predict_without_a_model_says_what_to_do(project):
    done = call("predict", RECORD)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert "small" in done.stderr


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "JSON"),
        ("[]", "JSON"),
        ('{"sex": "x"}', "sex"),
        ("@absent.json", "absent.json cannot be read"),
        ("case.json", "write @case.json"),
    ],
)
def test_a_record_that_breaks_the_contract_is_refused_with_2(project, record, message):
    done = call("predict", record)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
