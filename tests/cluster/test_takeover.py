"""A run takes over what an older run did under the same conditions, and does the rest."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cluster.invocation import INVOCATION
from goldenpath.cluster.pipeline_file import Graph, read_pipeline
from goldenpath.cluster.run import RunOutcome, invocation_of, run_pipeline
from goldenpath.cluster.step_conditions import ALWAYS
from goldenpath.cluster.takeover import Donor, find_donor, take_over
from goldenpath.runs.ending import run_state
from goldenpath.runs.history import summarise
from goldenpath.runs.run import list_runs, make_run, read_json, steps_of
from goldenpath.runs.spec import all_specs
from goldenpath.runs.taken_over import taken_over_in
from goldenpath.settings import KEYS, load_settings
from tests.helpers.killed_run import finish, goldenpath
from tests.helpers.project import PROJECT
from tests.helpers.quick_project import make_quick_project, of_result
from tests.helpers.small_project import DATA, TRAIN, make_project, step

SUMMARY = 'step.run.output("data/summary.json").write_text(\'{"synthetic": true}\')'
ROWS_OF_THE_RUN = f"{DATA}\n{SUMMARY}"
DECLARED = {
    "data": ('makes=("data/",)', 'makes=("data/",), outside=("source",)'),
    "train": ('makes=("candidate/",)', 'makes=("candidate/",), outside=()'),
}


class Ran(NamedTuple):
    "A project, and its runs one after the other, the first of which is removed again."

    project: Path
    first: RunOutcome
    second: RunOutcome
    third: RunOutcome
    taken: list[dict[str, str]]  # by each run


def declare(project: Path) -> None:
    "Say in the declarations of both steps what they read from outside."
    for module, (before, after) in DECLARED.items():
        files = [
            project / "goldenpath" / "steps" / f"{module}.py",
            *(project / "notebooks").glob(f"*_{module}.ipynb"),
        ]
        for file, quote in zip(files, ('"', '\\"'), strict=True):
            text = file.read_text()
            assert before.replace('"', quote) in text
            file.write_text(text.replace(before.replace('"', quote), after.replace('"', quote)))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    project = make_project(tmp_path_factory.mktemp("taken") / "project")
    (project / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", ROWS_OF_THE_RUN))
    declare(project)
    taken: list[dict[str, str]] = []
    outcomes = []
    for _ in range(3):
        settings = load_settings(project / "settings.ini", {})
        file = project / "pipelines" / "train.pipeline"
        outcomes.append(run_pipeline(file, settings, tell=lambda steps: taken.append(dict(steps))))
        if len(outcomes) == 2:
            shutil.rmtree(outcomes[0].run)
    return Ran(project, *outcomes, taken)


@pytest.fixture(autouse=True)
def without_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    "Take a variable of the tests away, which a run in a program of its own does not have."
    monkeypatch.delenv("GOLDENPATH_TEST_REQUIRE", raising=False)


@pytest.fixture
def kept(ran: Ran, tmp_path: Path) -> Iterator[Path]:
    "Return the project with its runs, which the test may change."
    shutil.copytree(ran.project, tmp_path / "kept", symlinks=True)
    yield ran.project
    all_specs.cache_clear()
    shutil.rmtree(ran.project)
    shutil.move(tmp_path / "kept", ran.project)


def usable(project: Path, values: dict[str, str] | None = None) -> list[str]:
    "Return the steps that a run would take over now."
    donor = donor_of(project, values)
    return [node.name for node in donor.nodes] if donor else []


def donor_of(project: Path, values: dict[str, str] | None = None) -> Donor | None:
    graph = read_pipeline(project / "pipelines" / "train.pipeline")
    now = invocation_of(graph, project, values or {})
    return find_donor(graph, project, project / "volume" / "runs", now)


def test_the_first_run_does_every_step_and_the_second_none(ran):
    first = ran.first.run.name
    assert ran.taken[:2] == [{}, {"02_data": first, "05_train": first}]
    assert [step.name for step in ran.first.steps] == ["02_data", "05_train"]
    assert (ran.second.exit_code, ran.second.steps) == (0, ())


def test_what_is_taken_over_belongs_to_the_run(ran):
    run = ran.second.run
    assert (run / "data" / "train.parquet").read_text() == "1 42"
    assert (run / "candidate" / "model.txt").read_text() == "1 42"
    for name in ("02_data", "05_train"):
        executed = json.loads((run / "notebooks" / f"{name}.ipynb").read_text())
        assert executed["metadata"]["papermill"]["end_time"]
        assert (run / "notebooks" / f"{name}.html").is_file()
    assert read_json(run / "notebooks" / "run.json")["run_id"] == run.name
    assert run_state(run, steps_of(run)) == "done"


def test_the_run_in_which_a_step_worked_is_named_also_after_it_is_removed(ran):
    first = ran.first.run.name
    assert not ran.first.run.exists()
    for outcome in (ran.second, ran.third):
        assert taken_over_in(outcome.run) == {"02_data": first, "05_train": first}
    assert ran.taken[2] == ran.taken[1]


def test_runs_are_listed_with_what_they_took_over(ran, monkeypatch):
    monkeypatch.chdir(ran.project)
    first, summary = ran.first.run.name, summarise(ran.third.run)
    assert (summary.seconds, set(summary.taken_over.values())) == (None, {first})
    compared = CliRunner().invoke(cli, ["runs", "compare", ran.third.run.name])
    assert "taken over from" in compared.output
    assert "02, 05 taken over" in " ".join(CliRunner().invoke(cli, ["runs"]).output.split())


def test_the_files_are_one_with_those_of_the_other_run(ran):
    second, third = ran.second.run / "data" / "train.parquet", ran.third.run / "data" / "train.parquet"
    assert os.path.samefile(second, third)
    notebooks = [run / "notebooks" / "02_data.ipynb" for run in (ran.second.run, ran.third.run)]
    assert not os.path.samefile(*notebooks)  # JupyterLab may save one of them


def test_nothing_changed_is_nothing_to_do(ran):
    assert usable(ran.project) == ["02_data", "05_train"]


def change_settings(project: Path) -> None:
    (project / "settings.ini").write_text("[any]\nmodel = other\nuser = tester\n")


def change_rows(project: Path) -> None:
    (project / "data").mkdir()
    (project / "data" / "rows.csv").write_text("a\n1\n")


def change_training(project: Path) -> None:
    notebook = project / "notebooks" / "05_train.ipynb"
    notebook.write_text(step("05_train", "train", f"pass\n{TRAIN}"))
    text = notebook.read_text()
    notebook.write_text(text.replace('makes=(\\"candidate/\\",)', 'makes=(\\"candidate/\\",), outside=()'))


def change_library(project: Path) -> None:
    file = project / "goldenpath" / "volume.py"  # imported by way of others
    file.write_text(file.read_text() + "\nMORE = 1\n")


def in_newest(path: str, change: Callable[[Path], Any]) -> Callable[[Path], None]:
    "Return a change of a file of the newest run, after which that run is the only one."

    def damage(project: Path) -> None:
        *others, newest = list_runs(project / "volume" / "runs")
        for other in others:
            shutil.rmtree(other)
        change(newest / path)

    return damage


def to_running(note: Path) -> None:
    note.write_text(json.dumps(read_json(note) | {"status": "running"}))


def to_other_code(executed: Path) -> None:
    executed.write_text(executed.read_text().replace("seed 13 is unlucky", "seed 13 is fine"))


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        (change_settings, []),
        (change_rows, []),
        (change_training, ["02_data"]),
        (change_library, []),
        (in_newest("data/train.parquet", lambda file: file.write_text("damage")), []),
        (in_newest("candidate/model.txt", Path.unlink), ["02_data"]),
        (in_newest("notebooks/05_train.ipynb", lambda file: file.write_text("{")), ["02_data"]),
        (in_newest("steps/05_train.json", to_running), ["02_data"]),
        (in_newest("steps/02_data.json", Path.unlink), []),
        (in_newest(INVOCATION, lambda file: file.write_text("{")), []),
        (in_newest("data/summary.json", lambda file: file.write_text('{"source": "b.csv"}')), []),
        (in_newest("notebooks/05_train.ipynb", to_other_code), ["02_data"]),
    ],
    ids=[
        *("settings", "rows", "training", "library", "damaged", "missing", "half", "killed", "no note"),
        *("no record", "other rows", "other code"),
    ],
)
def test_a_step_works_again_with_all_that_follow_if_something_changed(kept, change, steps):
    change(kept)
    assert usable(kept) == steps


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ({"SEED": "8"}, []),
        ({"OMP_NUM_THREADS": "3"}, []),  # no notebook names it, a package may read it
        ({"GOLDENPATH_GROWTH_SECONDS": "3"}, ["02_data", "05_train"]),
        ({"DATA_SOURCE": "https://example.org/rows.csv"}, []),
    ],
)
def test_variables_count_where_a_step_may_read_them(ran, values, steps):
    assert usable(ran.project, values) == steps


@pytest.mark.parametrize(
    "part", ["conditions._packages", "step_conditions.processor", "step_conditions.cores"]
)
def test_other_packages_or_another_machine_do_everything(ran, monkeypatch, part):
    monkeypatch.setattr(f"goldenpath.cluster.{part}", lambda: "others")
    assert usable(ran.project) == []


def test_what_an_older_run_made_of_the_outside_has_to_be_the_same(ran, monkeypatch):
    monkeypatch.setattr("goldenpath.cluster.takeover.would_be_the_same", lambda kind, *_: kind != "source")
    assert usable(ran.project) == []


def test_a_step_that_declares_nothing_of_the_outside_works_every_time(kept):
    declared = "".join(f", {word}" for word in [DECLARED["data"][1].partition(", ")[2]])
    for file in (kept / "goldenpath" / "steps" / "data.py", kept / "notebooks" / "02_data.ipynb"):
        text = file.read_text()
        file.write_text(text.replace(declared, "").replace(declared.replace('"', '\\"'), ""))
    all_specs.cache_clear()
    assert usable(kept) == []


def test_what_goes_away_while_it_is_taken_over_is_done_again(ran, tmp_path):
    donor, folder = donor_of(ran.project), make_run(tmp_path / "runs")
    run = tmp_path / "donor"
    shutil.copytree(donor.run, run, symlinks=True)
    (run / "candidate" / "model.txt").unlink()
    assert list(take_over(Donor(run=run, nodes=donor.nodes), folder, ran.project, [])) == ["02_data"]
    assert list(steps_of(folder)) == ["02_data"]
    assert not (folder / "candidate").exists()


def test_settings_that_settings_reads_itself_count_for_every_step():
    texts = [file.read_text() for file in (PROJECT / "goldenpath" / "settings").glob("*.py")]
    assert {key for key in KEYS if any(f"self.{key}" in text for text in texts)} <= ALWAYS


def test_variables_of_the_shell_count_where_the_code_names_them(graph_of_the_example, monkeypatch):
    def settings() -> dict[str, str]:
        steps = invocation_of(graph_of_the_example, PROJECT, {}).steps
        return {name: conditions.settings for name, conditions in steps.items()}

    before = settings()
    for name in ("_", "MLFLOW_TRACKING_TOKEN", "SHLVL"):
        monkeypatch.setenv(name, "another")
    assert settings() == before
    monkeypatch.setenv("SEED", "9")
    after = settings()
    assert {name for name in before if before[name] != after[name]} == {"05_train"}


def test_another_model_is_trained_on_the_rows_that_are_there(tmp_path):
    project = make_quick_project(tmp_path / "project")
    graph = read_pipeline(project / "pipelines" / "train.pipeline")
    before = invocation_of(graph, project, {}).steps
    for name in ("model.py", "steps/train.py"):
        file = project / "goldenpath" / name
        file.write_text(file.read_text() + "\nMORE = 1\n")
    after = invocation_of(graph, project, {}).steps
    assert {step for step in before if before[step] != after[step]} == {"05_train"}


def test_the_library_names_its_settings_by_one_word():
    texts = [file.read_text() for file in (PROJECT / "goldenpath").rglob("*.py")]
    names = {name for text in texts for name in re.findall(r"(\w+): \"?Settings\b", text)}
    assert names - {"ORIGIN"} == {"settings"}


@pytest.fixture(scope="module")
def graph_of_the_example() -> Graph:
    return read_pipeline(PROJECT / "pipelines" / "train.pipeline")


@pytest.mark.parametrize(
    ("name", "value", "steps"),
    [
        ("GOLDENPATH_GATE_FLOORS", "roc_auc>=0.9", set()),
        ("GOLDENPATH_THRESHOLD", "recall>=0.8", set()),
        ("GOLDENPATH_BOOTSTRAP", "99", set()),
        ("GOLDENPATH_LISTEN", "127.0.0.1:9999", set()),
        ("REQUESTS", "9", set()),
        ("SEED", "9", {"05_train"}),
        ("EXPLORE_GROUP", "sex", {"03_explore"}),
        ("GOLDENPATH_TRAIN_SECONDS", "9", {"05_train"}),
        ("GOLDENPATH_SYNTHETIC_ROWS", "900", {"02_data"}),
        ("GOLDENPATH_SOURCE", "synthetic", {"02_data", "03_explore", "05_train"}),
    ],
)
def test_a_setting_counts_for_the_steps_whose_code_names_it(graph_of_the_example, name, value, steps):
    before, after = (
        invocation_of(graph_of_the_example, PROJECT, values).steps for values in ({}, {name: value})
    )
    assert set(before) == {"02_data", "03_explore", "05_train"}
    assert {step for step in before if before[step].settings != after[step].settings} == steps


@pytest.mark.slow(seconds=60)
def test_the_real_steps_are_taken_over_and_what_follows_decides_anew(tmp_path):
    project = make_quick_project(tmp_path / "project")
    runs = project / "volume" / "runs"
    words = ("run", "--without", "09_contrast")
    finish(goldenpath(project, *words))
    [first] = list_runs(runs)
    version = read_json(first / "published.json")["version"]
    text = finish(goldenpath(project, *words, "--set", "GOLDENPATH_GATE_FLOORS=roc_auc>=0.6"))
    assert f"taken over from run {first.name}: 02_data, 03_explore, 05_train (--again does all anew)" in text
    assert f"already published as {version}, champion" in text
    second = list_runs(runs)[-1]
    content = (first / "candidate" / "manifest.json").read_bytes()
    assert "taken over" not in finish(goldenpath(project, *words, "--again", "--until", "06_evaluate"))
    third = list_runs(runs)[-1]
    finish(goldenpath(project, *words, "--until", "06_evaluate"))
    fourth = list_runs(runs)[-1]
    assert set(taken_over_in(fourth).values()) == {third.name}
    assert of_result(fourth) == of_result(third)
    assert (first / "candidate" / "manifest.json").read_bytes() == content
    assert read_json(second / "candidate" / "manifest.json")["run"] == second.name
    assert (second / "explore" / "findings.txt").is_file()
