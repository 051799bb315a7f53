"""The golden path for real, by the commands that a user types: from rows to answers and to the contrast."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from goldenpath.cluster.run import clash_of
from goldenpath.cluster.workspace import export_notebooks
from goldenpath.runs.run import list_runs, steps_of
from goldenpath.settings import load_settings
from tests.helpers.contrast_keys import CONTRAST_KEYS
from tests.helpers.example_project import PARTS
from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT
from tests.helpers.serving_program import free_address
from tests.helpers.small_project import fingerprint

LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
STEPS = ["02_data", "03_explore", "05_train", "06_evaluate", "07_publish", "09_contrast"]

RECORD = {
    "current_status": "Laboratory-confirmed case",
    "sex": "Male",
    "age_group": "80+ Years",
    "race_ethnicity_combined": "Unknown",
    "hosp_yn": "Yes",
    "icu_yn": "Yes",
    "medcond_yn": "Yes",
}


def goldenpath(project: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    "Run the command in the project's folder, with only these settings from outside."
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    environ = outside | {f"GOLDENPATH_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "goldenpath", *words]
    return subprocess.run(
        command, cwd=project, env=environ, capture_output=True, text=True, timeout=500, check=False
    )


def copied(folder: Path) -> Path:
    "Return the project as it stands, in another place."
    folder.mkdir(parents=True)
    for name in PARTS:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, symlinks=True, ignore=LEFT_OUT)
        else:
            shutil.copy(PROJECT / name, folder / name)
    return folder


def newest(project: Path) -> Path:
    return list_runs(project / "volume" / "runs")[-1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    "Return the whole pipeline on the stand-in, in a folder whose name has a space."
    project = copied(tmp_path_factory.mktemp("golden") / "my path")
    before = fingerprint(project)
    done = goldenpath(project, "run", growth_seconds="1")
    assert done.returncode == 0, done.stderr
    return project, before, done, newest(project)


def test_it_ends_with_the_contrast_table_and_a_report_worth_opening(ran):
    project, _, done, _ = ran
    assert "train, then predict" in done.stdout
    assert "over HTTP" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("report: ")
    assert "<html" in (project / last.removeprefix("report: ")).read_text()[:500]


def test_there_is_a_line_with_its_seconds_for_each_step(ran):
    # a step that takes longer than half a minute also says how far it is
    lines = re.findall(r"^\[\d/\d\] \S+ +[\d.]+ s$", ran[2].stderr, re.MULTILINE)
    assert [line.split()[1] for line in lines] == STEPS
    assert all(float(line.split()[2]) > 0 for line in lines)


def test_the_sources_stay_byte_for_byte(ran):
    project, before, _, _ = ran
    assert fingerprint(project) == before


def test_the_contrast_holds_exactly_its_keys_and_says_stand_in(ran):
    told = json.loads((ran[3] / "contrast.json").read_text())
    assert set(told) == set(CONTRAST_KEYS)
    assert told["synthetic"] is True
    assert set(told["http_s"]) == {"p50", "p95", "p99"}
    assert set(told["batch_records_per_s"]) == {"1", "10", "100", "1000", "10000"}


def test_the_run_holds_every_record_and_the_executed_notebooks(ran):
    run = ran[3]
    assert {name: note["status"] for name, note in steps_of(run).items()} == dict.fromkeys(STEPS, "done")
    for name in ("verdict.json", "evaluation.json", "published.json", "data/summary.json"):
        assert (run / name).is_file()
    for name in STEPS:
        assert (run / "notebooks" / f"{name}.html").is_file()


def test_doctor_finds_nothing_bad_afterwards(ran):
    done = goldenpath(ran[0], "doctor", source="synthetic")
    assert done.returncode == 0, done.stdout
    assert "bad" not in done.stdout.split()
    assert re.search(r"champion\s+│\s*good", done.stdout)


def test_one_record_is_answered(ran, tmp_path):
    project = ran[0]
    done = goldenpath(project, "predict", json.dumps(RECORD))
    answer = json.loads(done.stdout)
    assert set(answer) == {"label", "probability", "version", "path"}
    assert answer["path"] == "onnx"
    (tmp_path / "record.json").write_text(json.dumps(RECORD))
    assert (
        goldenpath(project, "predict", f"@{tmp_path / 'record.json'}", "-V", answer["version"]).stdout
        == done.stdout
    )


def test_a_file_is_scored(ran, tmp_path):
    broken = RECORD | {"sex": "No such sex"}
    rows = [RECORD] * 3 + [broken]
    lines = [",".join(RECORD), *(",".join(row.values()) for row in rows)]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    done = goldenpath(ran[0], "batch", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    assert "3 scored" in done.stdout
    assert "1 rejected" in done.stdout
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4


def test_the_server_answers_over_http(ran):
    listen = free_address()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    command = [sys.executable, "-m", "goldenpath", "serve", "--listen", listen]
    with subprocess.Popen(command, cwd=ran[0], env=outside, stderr=subprocess.DEVNULL) as server:
        try:
            answer = asked(f"http://{listen}/predict")
        finally:
            server.terminate()
    assert answer["label"] in ("Yes", "No")


def asked(url: str) -> dict:
    "Return the server's answer, once it is up."
    request = urllib.request.Request(url, json.dumps(RECORD).encode(), {"Content-Type": "application/json"})

    def answer() -> dict | None:
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=LONG) as reply:
            return json.load(reply)
        return None

    return wait_until(answer)


def test_the_same_model_again_is_not_published_twice(ran):
    "By single steps, each of which reads from the newest run that holds what it needs."
    project, _, _, first = ran
    version = json.loads((first / "published.json").read_text())["version"]
    for step in ("05_train", "06_evaluate", "07_publish"):
        done = goldenpath(project, "step", step)
        assert done.returncode == 0, done.stderr
    assert f"already published as {version}, champion" in done.stderr
    assert first.name in goldenpath(project, "runs", "compare", first.name, "latest").stdout


def test_a_refused_candidate_ends_with_3_and_the_table_of_what_failed(ran):
    project = ran[0]
    floors = {"gate_floors": "roc_auc>=0.9999"}
    assert goldenpath(project, "step", "05_train", "-p", "seed=5").returncode == 0
    assert goldenpath(project, "step", "06_evaluate", **floors).returncode == 0
    refused = newest(project)
    done = goldenpath(project, "step", "07_publish")
    assert done.returncode == 3
    assert "roc_auc at least" in done.stdout
    assert "error: 07_publish failed" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (refused / "candidate" / "manifest.json").is_file()


@pytest.fixture(scope="module")
def edited(ran, tmp_path_factory):
    "Return the project with another strength of regularisation, its home that of the published version."
    project = copied(tmp_path_factory.mktemp("edited") / "project")
    file = project / "notebooks" / "04_model.ipynb"
    text, built = file.read_text(), "else LogisticRegression("
    assert text.count(built) == 1
    file.write_text(text.replace(built, f"{built}C=0.5, "))
    return project, str(ran[0] / "volume")


def test_a_run_that_cannot_publish_is_refused_before_its_first_step(ran, edited):
    (project, home), version = edited, json.loads((ran[3] / "published.json").read_text())["version"]
    before = newest(ran[0])
    done = goldenpath(project, "run", home=home)
    assert done.returncode == 3
    assert done.stderr == (
        f"error: the model differs from {version}: linear.estimator.C: 1.0 -> 0.5; "
        "raise MODEL_VERSION in goldenpath/__init__.py, "
        "or use --until 06_evaluate to train and evaluate without publishing\n"
    )
    assert newest(ran[0]) == before


def test_values_of_a_run_decide_which_versions_its_model_is_compared_with(edited):
    project, home = edited
    export_notebooks(project)
    settings, values = load_settings(project / "settings.ini", {}), {"GOLDENPATH_HOME": home}
    assert "linear.estimator.C: 1.0 -> 0.5" in clash_of(settings, values)
    assert clash_of(settings, values | {"GOLDENPATH_MODEL": "another"}) == ""


def test_a_run_up_to_a_step_warns_at_the_terminal_and_in_its_first_notebook(ran, edited):
    project, home = edited
    done = goldenpath(project, "run", "--until", "02_data", home=home)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("warning: what is trained now cannot be published: the model differs from ")
    assert [line.split()[:2] for line in lines[1:2]] == [["[1/1]", "02_data"]]
    assert list(steps_of(newest(ran[0]))) == ["02_data"]
    page = (newest(ran[0]) / "notebooks" / "02_data.html").read_text()
    assert "what is trained now will not be published: the model differs from" in page


def test_on_the_real_rows_the_model_is_as_good_as_it_should_be(real_rows, tmp_path):
    project = copied(tmp_path / "real")
    few = {"growth_seconds": "1", "bootstrap": "20"}  # nothing here looks at the intervals
    done = goldenpath(project, "run", "--without", "03_explore", source=str(real_rows), **few)
    assert done.returncode == 0, done.stderr
    run = newest(project)
    assert "03_explore" not in steps_of(run)
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["models"][0]["metrics"]["roc_auc"]["value"] >= 0.95
    told = json.loads((run / "contrast.json").read_text())
    assert (told["synthetic"], told["rows"] > 13_000) == (False, True)
    assert "stand-in" not in done.stdout


@pytest.mark.slow(seconds=80)
def test_the_site_shows_the_notebooks_that_the_run_executed(ran, tmp_path):
    _, _, _, run = ran
    build = [sys.executable, PROJECT / "docs" / "site" / "build.py", "--run", run, "--output", tmp_path]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("WARNING")) == (0, 0), done.stderr
    explored = (tmp_path / "notebooks" / "03_explore.html").read_text()
    assert explored.count("<img") > 2
    assert "#| export" not in explored
    front = (tmp_path / "index.html").read_text()
    assert front.count("<img") == 3
    assert "goldenpath models push" in (tmp_path / "commands.html").read_text()
    assert "import_bundle" in (tmp_path / "api" / "goldenpath.registry.html").read_text()
    assert (tmp_path / "searchindex.js").read_text().startswith("Search.setIndex(")  # read without fetching
    loaded = re.compile(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//')
    pages = [path for path in tmp_path.rglob("*.html") if loaded.search(path.read_text())]
    assert pages == []  # it opens where there is no network
    assert not (tmp_path.parent / "jupyter_execute").exists()  # nothing is left beside the site
