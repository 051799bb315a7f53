"""Training again: only for a version that is worth less than promised, and not too soon."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cli import retrain as retrain_command
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput, NotDue
from goldenpath.feedback.counts import Counts, hour_of, write_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.project import Project
from goldenpath.runs.run import Run, list_runs, open_run, steps_of, write_json
from goldenpath.settings import load_settings
from goldenpath.steps.retrain import decide_retraining, last_training, look_first, stop_unless_due
from tests.helpers.broken_promises import break_promise
from tests.helpers.monitor_reports import NOW, monthly_report
from tests.helpers.project import PROJECT
from tests.helpers.trained_run import RUN, judged, published, settings_for, step_in

MODEL = "covid-death"
OLD = "1.0.0-20261128T053542Z-3a8a4e93"  # a stored version of an older release


def run_of(home: Path, run_id: str, step: str, status: str = "done") -> None:
    "Leave a run with the record of one step."
    folder = home / "runs" / run_id
    Run(run_id, folder, step).note(status)


@pytest.mark.parametrize("status", ["done", "failed", "running"])
def test_the_last_training_is_the_newest_run_that_trained_however_it_ended(home: Path, status: str) -> None:
    assert last_training(home / "runs") is None
    run_of(home, "20261101T020000Z-a00001", "02_data")
    assert last_training(home / "runs") is None
    run_of(home, "20261102T020000Z-a00002", "05_train")
    run_of(home, "20261103T020000Z-a00003", "05_train", status)
    run_of(home, "20261104T020000Z-a00004", "11_monitor")
    taken = {"status": "done", "taken_over_from": "20261103T020000Z-a00003"}
    run_of(home, "20261105T020000Z-a00005", "02_data")
    write_json(home / "runs" / "20261105T020000Z-a00005" / "steps" / "05_train.json", taken)
    assert last_training(home / "runs") == datetime(2026, 11, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kinds", "hours", "train", "reason"),
    [
        ((), None, False, "nothing to train for: ROC AUC fell"),
        (("drift",), None, False, "training does not mend this: It fell."),
        (("input", "refused"), None, False, "training does not mend this"),
        (("realised",), None, True, "It fell."),
        (("input", "estimated"), None, False, "training does not mend this"),
        (("input", "realised"), None, True, "It fell."),
        (
            ("estimated",),
            7 * 24 - 1,
            False,
            "not yet: the last training began at 2026-11-21 13:00 UTC, within",
        ),
        (("estimated",), 7 * 24, True, "It fell."),
        (("drift",), 7 * 24 - 1, False, "training does not mend this"),
    ],
)
def test_training_is_due_for_a_lost_metric_alone_and_not_soon_after_the_last(
    kinds, hours, train, reason
) -> None:
    trained = None if hours is None else NOW - timedelta(hours=hours)
    decision = decide_retraining(monthly_report(kinds=kinds), trained, 7, NOW)
    assert decision.train is train
    assert decision.reason.startswith(reason)


def test_real_answers_with_outcomes_decide(home: Path) -> None:
    run, _ = judged(home)
    version = published(home, run)
    settings = settings_for(home)
    project = Project(settings, CONTRACT)
    with pytest.raises(BadInput, match="nothing was counted yet"):
        look_first(project)
    break_promise(home, MODEL, CONTRACT, version)
    decision = look_first(project)
    assert decision.train
    assert "promised" in decision.reason
    run_of(home, RUN, "05_train")  # days ago, by its name
    assert not look_first(Project(settings.changed(retrain_days=3650), CONTRACT)).train
    assert look_first(Project(settings.changed(retrain_days=0), CONTRACT)).train
    step = step_in(open_run(settings, "12_retrain"), settings.changed(retrain_days=3650), CONTRACT)
    with pytest.raises(NotDue, match="not yet: the last training began"):
        stop_unless_due(step, since="30d")
    assert json.loads((step.run.folder / "retraining.json").read_text())["train"] is False
    assert stop_unless_due(step_in(step.run, settings.changed(retrain_days=0), CONTRACT)).train
    with pytest.raises(BadInput, match="since: 'yesterday' is not a time"):
        stop_unless_due(step, since="yesterday")


@pytest.mark.parametrize("kind", ["estimated", "drift"])
def test_the_command_trains_the_training_pipeline_or_says_why_not(kind, home, monkeypatch) -> None:
    ran = []
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    report = monthly_report(kinds=(kind,))
    monkeypatch.setattr("goldenpath.steps.retrain.run_monitor", lambda project, since: (report, home))
    monkeypatch.setattr(retrain_command, "run_and_tell", lambda file, settings, again: ran.append(file))
    done = CliRunner().invoke(cli, ["retrain"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    if kind == "estimated":
        assert ran == [PROJECT / "pipelines" / "train.pipeline"]
        assert "training: It fell." in done.stderr
    else:
        assert ran == []
        assert "no training is due: training does not mend this: It fell." in done.stderr


def test_the_pipeline_looks_first_and_then_is_the_training_pipeline() -> None:
    looks, trains = (
        read_pipeline(PROJECT / "pipelines" / f"{name}.pipeline") for name in ("retrain", "train")
    )
    first, *others = looks.nodes
    assert (first.name, first.after) == ("12_retrain", ())
    assert [node.name for node in others] == [node.name for node in trains.nodes]
    after = {node.name: node.after for node in others}
    assert after.pop("02_data") == (first.id,)
    assert after == {node.name: node.after for node in trains.nodes if node.name != "02_data"}
    settings = load_settings(environ=first.variables)
    assert settings.retrain_days == 7


@pytest.mark.slow
def test_the_pipeline_ends_with_the_reason_where_nothing_is_due(tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "home"
    shutil.copytree(PROJECT / "tests/data/format-1/home", home)
    hour, folder = hour_of(datetime.now(UTC)), FeedbackFolder(home, MODEL)
    write_counts(folder, Counts(version=OLD, role="champion", hour=hour, writer="a-1-2", answers=300))
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    done = CliRunner().invoke(cli, ["run", str(PROJECT / "pipelines" / "retrain.pipeline")])
    assert done.exit_code == 5, done.output
    assert "no training is due: nothing to train for" in done.stderr
    run = list_runs(home / "runs")[-1]  # the stored home has an older one
    assert steps_of(run)["12_retrain"]["status"] == "failed"
    assert "02_data" not in steps_of(run)
    assert len(list(folder.reports.iterdir())) == 1
