"""A run in MLflow's terms."""

import json
from pathlib import Path

import pytest

from goldenpath.runs.run import Run
from goldenpath.tracking.facts import facts_of

NAME = "20261121T000000Z-abcdef"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = tmp_path / "runs" / NAME
    folder.mkdir(parents=True)
    return Run(NAME, folder, "02_data", parameters={"source": "x.csv"})


def test_a_run_of_no_steps_began_when_its_name_says(run: Run):
    facts = facts_of(run.folder)
    assert (facts.started, facts.ended, facts.status) == (1_795_219_200_000, 1_795_219_200_000, "FINISHED")


def test_a_training_that_is_not_due_is_finished_and_says_so(run: Run):
    Run(NAME, run.folder, "12_retrain").note("failed", reason="NotDue: the promise is kept")
    facts = facts_of(run.folder)
    assert facts.status == "FINISHED"
    assert facts.tags["goldenpath.not_due"] == "12_retrain: NotDue: the promise is kept"
    assert "goldenpath.failed" not in facts.tags


def test_a_run_failed_if_a_step_of_it_failed(run: Run):
    run.note("done")
    assert facts_of(run.folder).status == "FINISHED"
    run.note("running")
    assert facts_of(run.folder).status == "RUNNING"
    Run(NAME, run.folder, "05_train").note("failed", reason="BadInput: no rows")
    facts = facts_of(run.folder)
    assert facts.status == "FAILED"
    assert facts.tags["goldenpath.failed"] == "05_train: BadInput: no rows"
    assert facts.parameters == {"02_data.source": "x.csv"}


def test_steps_that_were_taken_over_are_named_and_do_not_begin_the_run(run: Run):
    Run(NAME, run.folder, "01_before", started=1_700_000_000.0).note(
        "done", taken_over_from="20231114T000000Z-abcdef"
    )
    Run(NAME, run.folder, "05_train", started=1_795_000_000.0).note("done")
    facts = facts_of(run.folder)
    assert facts.started == 1_795_000_000_000
    assert facts.tags["goldenpath.taken_over_from"] == "run 20231114T000000Z-abcdef: 01_before"


def test_neither_rows_nor_notebooks_are_taken_and_no_link_is_followed(run: Run, tmp_path: Path):
    for name in ("data/train.parquet", "data/rejected.parquet", "notebooks/02_data.ipynb", "report.html"):
        run.output(name).write_text("a row")
    (tmp_path / "token").write_text("secret")
    (run.folder / "verdict.json").symlink_to(tmp_path / "token")
    assert facts_of(run.folder).files == {"report.html": b"a row"}


def test_the_address_of_rows_is_shown_without_its_credentials(run: Run):
    rows = {"read": 1, "train": 1, "validation": 0, "test": 0, "set_aside": 0, "rejected": 0}
    source = "https://ada:pass@host/rows.csv?signature=abc"
    summary = {"source": source, "synthetic": False, "fingerprint": "f" * 64, "split": "hash 1 0 0"}
    run.output("data/summary.json").write_text(json.dumps({**summary, "rows": rows, "seconds": 1.0}))
    facts = facts_of(run.folder)
    assert facts.data is not None
    assert (facts.data.source, facts.parameters["source"]) == ("https://host/rows.csv",) * 2


def test_figures_that_are_no_numbers_are_left_out(run: Run):
    run.output("contrast.json").write_text(
        '{"rows": 3, "http_s": {"p50": 0.5, "p95": NaN}, "model": "a", "x": true}'
    )
    assert facts_of(run.folder).metrics == {"contrast.rows": 3.0, "contrast.http_s.p50": 0.5}


def test_the_digest_changes_with_what_is_told(run: Run):
    before = facts_of(run.folder).digest
    assert facts_of(run.folder).digest == before
    run.output("report.html").write_text("new")
    assert facts_of(run.folder).digest != before
