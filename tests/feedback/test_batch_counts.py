"""A batch job is counted in the same form as a server's answers, and never fails because of it."""

from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.errors import VolumeFault
from goldenpath.feedback.counts import Counts, read_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.project import Project
from goldenpath.settings import Settings
from goldenpath.steps.batch import run_batch
from goldenpath.steps.stand_in import draw_stand_in
from tests.helpers.serving_fixtures import MODEL, promote, publish

ROWS = 600


@pytest.fixture
def version(home: Path, tmp_path: Path) -> str:
    "Return the champion; cases.csv has 600 rows, of which two break the contract."
    frame = draw_stand_in(ROWS, seed=2).astype(str)
    frame.loc[2, "hosp_yn"] = "OTH"
    frame.loc[7, ["sex", "icu_yn"]] = ["", "?"]
    frame.to_csv(tmp_path / "cases.csv", index=False)
    version = publish(home, 1)
    promote(home, version)
    return version


def counted(home: Path, tmp_path: Path, **settings: object) -> list[Counts]:
    "Score the file, and return what was counted."
    project = Project(Settings(home=str(home), model=MODEL, **settings), CONTRACT)
    summary = run_batch(project, str(tmp_path / "cases.csv"), str(tmp_path / "scores.csv"))
    assert summary.scored == ROWS - 2
    return list(read_counts(FeedbackFolder(home, MODEL)).counts)


def test_a_job_counts_its_answers_and_the_rows_that_it_rejects(
    home: Path, tmp_path: Path, version: str
) -> None:
    [counts] = counted(home, tmp_path)
    assert (counts.version, counts.role, counts.answers) == (version, "batch", ROWS - 2)
    assert {sum(field.cells) + field.missing for field in counts.fields.values()} == {ROWS - 2}
    assert sum(counts.labels.values()) == sum(counts.scores["Yes"].n.values()) == ROWS - 2
    assert (counts.refused, counts.refusals) == (2, {"hosp_yn": 1, "sex": 1, "icu_yn": 1})
    assert [each.answers for each in counted(home, tmp_path)] == [ROWS - 2] * 2


def test_a_job_is_not_counted_if_feedback_is_off(home: Path, tmp_path: Path, version: str) -> None:
    assert counted(home, tmp_path, feedback="off") == []


def test_a_folder_that_cannot_be_written_is_named_and_fails_no_job(
    home: Path, tmp_path: Path, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "feedback").write_text("a file in its place")
    with pytest.raises(VolumeFault, match="feedback"):  # of the reader: the job itself has ended well
        counted(home, tmp_path)
    assert f"the answers of this job are not counted: {home / 'feedback'}" in capsys.readouterr().err
