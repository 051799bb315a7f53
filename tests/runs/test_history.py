"""Runs are listed and compared by what their steps left."""

import json

import pytest

from goldenpath.runs.history import laid_side_by_side, summarise
from goldenpath.runs.run import make_run
from tests.helpers.not_files import NOT_FILES


def left(folder, records):
    for name, record in records.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(record))
    return folder


@pytest.fixture
def whole(tmp_path):
    "Return a run in which every step left its record."
    records = {
        "steps/02_data.json": {"status": "done", "seconds": 1.5, "parent": None},
        "steps/05_train.json": {"status": "done", "seconds": 2.3, "parent": None},
        "data/summary.json": {
            "source": "rows.csv",
            "synthetic": False,
            "fingerprint": "f" * 64,
            "rows": {"train": 70},
        },
        "training.json": {"seed": 7, "version": "1.0.0-x"},
        "evaluation.json": {
            "threshold": {"value": 0.25},
            "models": [{"metrics": {"roc_auc": {"value": 0.95}, "recall": {"value": None}}}],
        },
        "verdict.json": {"rules": [{"result": "pass"}, {"result": "hold"}]},
        "published.json": {"version": "1.0.0-x"},
    }
    return left(make_run(tmp_path / "runs", "20260101T000000Z-aaaaaa"), records)


def test_a_whole_run_in_figures(whole):
    run = summarise(whole)
    assert (run.source, run.rows, run.seed, run.threshold) == ("rows.csv", 70, 7, 0.25)
    assert run.metrics == {"roc_auc": 0.95}
    assert (run.verdict, run.published, run.seconds) == ("passed", True, 3.8)


def test_what_a_run_took_over_is_named_and_its_seconds_do_not_count(whole):
    note = whole / "steps" / "02_data.json"
    note.write_text(
        json.dumps({**json.loads(note.read_text()), "taken_over_from": "20251231T000000Z-aaaaaa"})
    )
    run = summarise(whole)
    assert (run.seconds, run.steps["02_data"]) == (2.3, "done")
    lines = laid_side_by_side([run])
    assert lines["taken over from"] == ["run 20251231T000000Z-aaaaaa: 02_data"]


def test_an_empty_run_is_no_error(tmp_path):
    run = summarise(make_run(tmp_path / "runs"))
    assert (run.steps, run.metrics, run.verdict, run.seconds) == ({}, {}, "", None)


def test_what_a_run_reads_from_an_older_one_counts_as_its_own(whole):
    young = left(
        make_run(whole.parent, "20260102T000000Z-bbbbbb"),
        {
            "steps/05_train.json": {"status": "done", "seconds": 1, "parent": whole.name},
            "training.json": {"seed": 8, "version": "1.0.0-y"},
        },
    )
    run = summarise(young)
    assert (run.source, run.seed, run.parent) == ("rows.csv", 8, whole.name)


def test_what_was_said_of_another_candidate_is_not_this_ones(whole):
    steps = {"steps/05_train.json": {"status": "done", "seconds": 1, "parent": whole.name}}
    young = summarise(left(make_run(whole.parent, "20260102T000000Z-bbbbbb"), steps))
    assert (young.source, young.metrics, young.verdict, young.published) == ("rows.csv", {}, "", False)
    steps = {"steps/07_publish.json": {"status": "running", "seconds": None, "parent": whole.name}}
    later = summarise(left(make_run(whole.parent, "20260103T000000Z-cccccc"), steps))
    assert (later.metrics, later.verdict, later.published) == ({"roc_auc": 0.95}, "passed", False)


def test_a_failed_rule_is_a_refusal_and_an_unfinished_step_is_seen(whole):
    left(
        whole,
        {
            "verdict.json": {"rules": [{"result": "pass"}, {"result": "fail"}]},
            "steps/07_publish.json": {"status": "running", "seconds": None},
        },
    )
    run = summarise(whole)
    assert run.verdict == "refused"
    assert laid_side_by_side([run])["steps done"] == ["02_data, 05_train; not finished: 07_publish"]


def test_records_that_are_half_written_are_no_error(whole):
    (whole / "evaluation.json").write_text('{"models": [')
    assert summarise(whole).metrics == {}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put", NOT_FILES)
def test_what_is_no_small_regular_file_is_not_read_and_hides_nothing_else(whole, put):
    (whole / "notebooks").mkdir()
    for name in ("evaluation.json", "published.json", "steps/02_data.json", "notebooks/05_train.ipynb"):
        (whole / name).unlink(missing_ok=True)
        put(whole / name)
    run = summarise(whole)
    assert (run.metrics, run.published) == ({}, False)
    assert (run.rows, run.seconds) == (70, 2.3)


def test_side_by_side_leaves_out_what_nobody_has(whole, tmp_path):
    lines = laid_side_by_side([summarise(whole), summarise(make_run(tmp_path / "runs"))])
    assert lines["ROC AUC (higher is better)"] == ["0.9500", ""]
    assert lines["training rows"] == ["70", ""]
    assert "recall (higher is better)" not in lines
