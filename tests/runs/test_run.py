"""Runs: who makes them, who reads from which, and what is said when something is missing."""

import json
import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.evaluation.gate import Verdict
from goldenpath.runs.run import (
    RUN_ID,
    Run,
    find_run,
    list_runs,
    make_run,
    new_id,
    open_run,
    parent_of,
    steps_of,
)
from goldenpath.settings import Settings
from tests.helpers.not_files import NOT_FILES


@pytest.fixture
def settings(tmp_path, monkeypatch):
    "Return settings whose home is new, in a working directory of its own, outside of any pipeline."
    for name in ("RUN_ID", "RUN", "ELYRA_RUNTIME_ENV"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Settings(home=str(tmp_path / "home"))


def done(settings: Settings, step: str, *files: str, **options: str) -> Run:
    "Return a step that ran alone and left these files."
    run = open_run(settings, step, **options)
    for name in files:
        run.output(name).write_text("{}")
    run.note("done")
    return run


def test_ids_sort_by_time_and_differ(settings):
    ids = [new_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(RUN_ID.fullmatch(name) for name in ids)


def test_a_step_alone_reads_from_the_newest_run_in_which_its_source_is_done(settings):
    old = done(settings, "02_data", "data/train.parquet")
    new = done(settings, "02_data", "data/train.parquet")
    open_run(settings, "02_data").output("data/train.parquet").touch()  # begun, never finished
    newest = max(old, new, key=lambda run: run.id)
    run = open_run(settings, "05_train")
    assert run.parent == newest.folder
    assert run.input("data/train.parquet") == newest.folder / "data/train.parquet"
    assert run.output("candidate/model.skops").is_relative_to(run.folder)


def test_a_step_alone_reads_from_the_run_that_is_named(settings):
    old = done(settings, "02_data", "data/train.parquet")
    done(settings, "02_data", "data/train.parquet")
    run = open_run(settings, "05_train", old.id)
    assert run.parent == old.folder


def test_files_are_looked_for_through_the_whole_chain_of_runs(settings):
    data = done(settings, "02_data", "data/train.parquet", "data/summary.json")
    train = done(settings, "05_train", "candidate/model.skops")
    run = open_run(settings, "06_evaluate")
    assert run.parent == train.folder
    assert run.input("data/train.parquet").is_relative_to(data.folder)
    assert run.has("candidate/model.skops")
    assert not run.has("verdict.json")
    assert parent_of(run.folder) == train.folder


def test_what_is_missing_is_named_with_the_step_that_makes_it(settings):
    with pytest.raises(
        BadInput, match=r"holds no data/train.parquet: run 02_data first \(goldenpath step 02"
    ):
        open_run(settings, "05_train").input("data/train.parquet")


def test_an_unknown_run_is_named_with_the_nearest(settings):
    known = done(settings, "02_data").id
    wrong = known[:-2] + "zz"
    with pytest.raises(BadInput, match=f"there is no run '{wrong}' in .*did you mean '{known}'"):
        open_run(settings, "05_train", wrong)


def test_a_run_is_found_by_a_part_of_its_id_and_as_latest(settings):
    runs = Path(settings.home) / "runs"
    folders = [make_run(runs, f"20260101T00000{n}Z-abcde{n}") for n in range(3)]
    assert list_runs(runs) == folders
    assert find_run(runs, "abcde1") == folders[1]
    assert find_run(runs, "latest") == folders[2]
    with pytest.raises(BadInput, match=r"run '20260101' fits 3 runs"):
        find_run(runs, "20260101")


def test_in_a_pipeline_the_first_step_makes_the_run_and_the_others_join_it(settings, monkeypatch):
    monkeypatch.setenv("ELYRA_RUNTIME_ENV", "local")
    first = open_run(settings, "02_data")
    assert json.loads(Path("run.json").read_text()) == {"run_id": first.id, "run_folder": str(first.folder)}
    assert open_run(settings, "05_train").folder == first.folder
    assert open_run(settings, "02_data").folder != first.folder


def test_outside_a_pipeline_a_run_json_that_lies_around_is_not_read(settings, monkeypatch):
    monkeypatch.setenv("ELYRA_RUNTIME_ENV", "local")
    first = open_run(settings, "02_data")
    monkeypatch.delenv("ELYRA_RUNTIME_ENV")
    assert open_run(settings, "05_train").folder != first.folder


def test_a_run_json_that_names_a_run_which_is_gone_is_refused(settings, monkeypatch):
    monkeypatch.setenv("ELYRA_RUNTIME_ENV", "local")
    Path("run.json").write_text('{"run_id": "20260101T000000Z-abcdef", "run_folder": "/nowhere"}')
    with pytest.raises(BadInput, match=r"run.json names run '20260101T000000Z-abcdef', which is not in"):
        open_run(settings, "05_train")


def test_the_id_that_the_command_line_chose_is_used(settings, monkeypatch):
    monkeypatch.setenv("RUN_ID", "20260101T000000Z-abcdef")
    assert open_run(settings, "02_data").id == "20260101T000000Z-abcdef"
    monkeypatch.setenv("RUN_ID", "../../etc")
    with pytest.raises(BadInput, match=r"RUN_ID = '../../etc' is not a run id"):
        open_run(settings, "02_data")


def test_what_a_step_did_is_noted(settings):
    run = open_run(settings, "02_data", parameters={"seed": 7})
    assert steps_of(run.folder)["02_data"]["status"] == "running"
    run.note("done")
    note = steps_of(run.folder)["02_data"]
    assert (note["status"], note["parameters"], note["parent"]) == ("done", {"seed": 7}, None)
    assert note["seconds"] >= 0


def test_run_folders_are_writable_for_the_group(settings):
    old = os.umask(0o077)
    try:
        assert open_run(settings, "02_data").folder.stat().st_mode & 0o777 == 0o775
    finally:
        os.umask(old)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put", NOT_FILES)
def test_a_record_that_is_no_small_regular_file_is_refused_by_name(settings, put):
    run = open_run(settings, "07_publish")
    put(run.output("verdict.json"))
    why = r"not a regular file|is a link|larger than|not a Verdict .*; run 06_evaluate again"
    with pytest.raises((BadInput, VolumeFault), match=rf"verdict\.json.*({why})"):
        run.record("verdict.json", Verdict)


class Count(BaseModel):
    rows: int


def test_a_record_is_found_through_the_chain_of_runs(settings):
    data = open_run(settings, "02_data")
    data.output("data/summary.json").write_text('{"rows": 7}')
    data.note("done")
    assert open_run(settings, "05_train").record("data/summary.json", Count).rows == 7
