"""A folder of files: an output for each, once, also after a kill, and bound to input and version."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import goldenpath.steps.batch as batch_step
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.feedback.batch_receipts import RECEIPTS, read_receipt
from goldenpath.feedback.counts import Counts, add_up, read_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.project import Project
from goldenpath.settings import Settings
from goldenpath.steps.batch import BatchSummary, run_batch
from goldenpath.steps.stand_in import draw_stand_in
from goldenpath.tables import batch_plan
from tests.helpers.project import PROJECT
from tests.helpers.serving_fixtures import MODEL, promote, publish

DAYS, ROWS = ("monday", "tuesday", "wednesday"), 40


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    "Three files of 40 drawn rows, of which one breaks the contract in each."
    folder = tmp_path / "in"
    folder.mkdir()
    for seed, day in enumerate(DAYS):
        frame = draw_stand_in(ROWS, seed=seed).astype(str).assign(id=[f"{day} {n}" for n in range(ROWS)])
        frame.loc[3, "sex"] = "?"
        if seed:
            frame.to_csv(folder / f"{day}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{day}.parquet", index=False)
    return folder


@pytest.fixture
def project(home: Path) -> Project:
    promote(home, publish(home, 1))
    return Project(Settings(home=str(home), model=MODEL), CONTRACT)


def scored(inputs: Path, project: Project) -> BatchSummary:
    return run_batch(project, str(inputs), f"{inputs.parent}/out")


def rows_in(outputs: Path) -> pd.DataFrame:
    "All scored rows."
    tables = [pd.read_csv(file) for file in outputs.glob("*day.csv")]
    tables += [pd.read_parquet(file) for file in outputs.glob("*day.parquet")]
    return pd.concat(tables, ignore_index=True)


def assert_whole(outputs: Path) -> None:
    "Every row is in the outputs once: scored, or rejected."
    expected = {f"{day} {row}" for day in DAYS for row in range(ROWS) if row != 3}
    ids = rows_in(outputs)["id"].tolist()
    assert len(ids) == len(expected)
    assert set(ids) == expected
    rejected = [pd.read_csv(outputs / f"{day}.rejected.csv")["row"].tolist() for day in DAYS[1:]]
    rejected.append(pd.read_parquet(outputs / "monday.rejected.parquet")["row"].tolist())
    assert rejected == [[4], [4], [4]]


def counted(home: Path) -> Counts:
    return add_up(read_counts(FeedbackFolder(home, MODEL)).counts)


def test_each_input_has_an_output_as_if_it_were_scored_alone(
    inputs: Path, project: Project, tmp_path: Path
) -> None:
    summary = scored(inputs, project)
    assert_whole(tmp_path / "out")
    assert (summary.rows, summary.scored, summary.rejected) == (120, 117, 3)
    assert (summary.files, summary.files_before) == (3, 0)
    run_batch(project, str(inputs / "tuesday.csv"), str(tmp_path / "alone.csv"))
    assert (tmp_path / "alone.csv").read_bytes() == (tmp_path / "out" / "tuesday.csv").read_bytes()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        RECEIPTS,
        *(
            f"{day}{part}.{end}"
            for day, end in zip(DAYS, ("parquet", "csv", "csv"), strict=True)
            for part in ("", ".rejected")
        ),
    ]


def test_what_is_done_is_not_done_again_nor_counted_again(
    inputs: Path, project: Project, home: Path, tmp_path: Path
) -> None:
    scored(inputs, project)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir() if file.is_file()}
    assert scored(inputs, project).files_before == 3
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert (counted(home).answers, counted(home).refused) == (117, 3)


@pytest.mark.parametrize(
    "every", [pytest.param(13, id="some points"), pytest.param(3, id="more points", marks=pytest.mark.slow)]
)
def test_after_a_kill_the_next_job_goes_on_and_every_row_is_there_and_counted_once(
    every: int, inputs: Path, published: Path, tmp_path: Path
) -> None:
    places = tmp_path / "places"
    command = [sys.executable, "-m", "tests.helpers.killed_batch"]
    arguments = [str(published), str(inputs), str(places), str(every)]
    done = subprocess.run([*command, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert max(int(place.name) for place in places.iterdir()) > 30  # points that a job passes
    for place in places.iterdir():
        assert_whole(place / "out")
        total = counted(place / "home")
        assert (total.answers, total.refused, total.refusals) == (117, 3, {"sex": 3})


def test_another_champion_answers_all_rows_anew_and_the_old_one_can_go_on(
    inputs: Path, project: Project, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = scored(inputs, project).version
    (tmp_path / "out" / "monday.parquet").unlink()  # as if the job had been killed before
    promote(home, new := publish(home, 2))
    kept = run_batch(project, str(inputs), f"{tmp_path}/out", old)
    assert (kept.version, kept.files_before) == (old, 2)
    capsys.readouterr()
    assert scored(inputs, project).files_before == 0
    assert f"3 outputs are of version {old}: they are made again by {new}" in capsys.readouterr().err
    assert_whole(tmp_path / "out")
    assert set(rows_in(tmp_path / "out")["version"]) == {new}


def change_input(inputs: Path, outputs: Path) -> None:
    file = inputs / "tuesday.csv"
    file.write_text(file.read_text().replace("tuesday 7,", "tuesday X,"))


def touch_input(inputs: Path, outputs: Path) -> None:
    os.utime(inputs / "tuesday.csv")


def remove_output(inputs: Path, outputs: Path) -> None:
    (outputs / "tuesday.rejected.csv").unlink()


def cut_output(inputs: Path, outputs: Path) -> None:
    file = outputs / "tuesday.csv"
    file.write_text(file.read_text()[:-100])


def break_receipt(inputs: Path, outputs: Path) -> None:
    file = outputs / RECEIPTS / "tuesday.csv.json"
    file.chmod(0o644)
    file.write_text("{")


@pytest.mark.parametrize("change", [change_input, touch_input, remove_output, cut_output, break_receipt])
def test_only_a_file_whose_input_or_output_has_changed_is_scored_again(
    change: object, inputs: Path, project: Project, tmp_path: Path
) -> None:
    scored(inputs, project)
    change(inputs, tmp_path / "out")  # type: ignore[operator]
    assert scored(inputs, project).files_before == 2
    if change is not change_input:
        assert_whole(tmp_path / "out")
    assert scored(inputs, project).files_before == 3


def test_outputs_for_a_spreadsheet_are_others(inputs: Path, project: Project, tmp_path: Path) -> None:
    scored(inputs, project)
    again = run_batch(project, str(inputs), f"{tmp_path}/out", for_spreadsheet=True)
    assert again.files_before == 0


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    inputs: Path, project: Project, tmp_path: Path
) -> None:
    good = (inputs / "tuesday.csv").read_text()
    (inputs / "tuesday.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"1 of 3 files were not scored, the others were: .*tuesday\.csv: col"):
        scored(inputs, project)
    assert not (tmp_path / "out" / "tuesday.csv").exists()
    (inputs / "tuesday.csv").write_text(good)
    assert scored(inputs, project).files_before == 2
    assert_whole(tmp_path / "out")


def test_answers_that_could_not_be_counted_are_counted_by_the_next_job(
    inputs: Path, project: Project, home: Path, tmp_path: Path
) -> None:
    (home / "feedback").write_text("a file in its place")
    scored(inputs, project)
    receipt = read_receipt(tmp_path / "out" / "tuesday.csv")
    assert receipt is not None
    assert receipt.counts is not None
    (home / "feedback").unlink()
    assert scored(inputs, project).files_before == 3
    assert (counted(home).answers, counted(home).refused) == (117, 3)


def test_two_jobs_at_once_count_each_row_once(inputs: Path, project: Project, home: Path) -> None:
    real, inside = batch_step.leave_receipt, []

    def leave_receipt(*arguments: object) -> None:
        if not inside:
            inside.append("the second job")
            scored(inputs, project)
        real(*arguments)  # type: ignore[arg-type]

    batch_step.leave_receipt, before = leave_receipt, batch_step.leave_receipt
    try:
        scored(inputs, project)
    finally:
        batch_step.leave_receipt = before
    assert_whole(inputs.parent / "out")
    assert (counted(home).answers, counted(home).refused) == (117, 3)


def test_what_a_killed_job_left_half_written_is_removed_when_it_is_old(
    inputs: Path, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    old, young = (tmp_path / "out" / f".tuesday.csv.{name}.partial" for name in ("old", "young"))
    for file in (old, young):
        file.write_text("half")
    os.utime(old, (time.time() - 1000, time.time() - 1000))
    scored(inputs, project)
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.slow
def test_processes_write_the_same_files_and_counts(
    inputs: Path, project: Project, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(inputs, project)
    alone = rows_in(tmp_path / "out").sort_values("id", ignore_index=True)
    monkeypatch.setattr(batch_plan, "FEW_BYTES", 0)
    run_batch(project, f"{inputs}/*", f"{tmp_path}/apart/")
    assert_whole(tmp_path / "apart")
    assert rows_in(tmp_path / "apart").sort_values("id", ignore_index=True).equals(alone)
    assert (counted(home).answers, counted(home).refused) == (2 * 117, 2 * 3)
