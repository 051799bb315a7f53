"""What a pipeline needs on the volume is lent to a rehearsal, or asked for before anything starts."""

from pathlib import Path

import pytest

from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.cluster.rehearsal.rehearsal import rehearse_pipeline
from goldenpath.cluster.rehearsal.volume import (
    RECORDS,
    Loan,
    Need,
    find_loans,
    lend,
    lend_feedback,
    needs_of,
)
from goldenpath.errors import BadInput, NotTrusted
from goldenpath.feedback.counts import Counts, read_counts, write_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.settings import load_settings
from goldenpath.steps.batch import run_batch
from tests.helpers.project import PROJECT
from tests.helpers.registries import history_of
from tests.helpers.serving_fixtures import MODEL, promote, publish

BATCH = PROJECT / "pipelines" / "batch.pipeline"
MONITOR = PROJECT / "pipelines" / "monitor.pipeline"


def settings_of(home: Path):
    return load_settings(PROJECT / "settings.ini", {"GOLDENPATH_HOME": str(home)})


def lent(home: Path, volume: Path, **values: str) -> list[str]:
    settings = settings_of(home)
    return lend(find_loans(read_pipeline(BATCH), settings, values), settings, volume)


@pytest.fixture
def version(home):
    "Return a home whose registry has one version, without a role."
    return publish(home)


def test_training_needs_nothing_but_rows_and_scoring_needs_a_version_and_a_file():
    assert list(needs_of(read_pipeline(PROJECT / "pipelines" / "train.pipeline"), {})) == []
    assert list(needs_of(read_pipeline(BATCH), {})) == [Need("batch", "champion", "batch/input.csv")]


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("new/cases.parquet", "new/cases.parquet"),
        ("/mnt/goldenpath/new/cases.csv", "new/cases.csv"),
        ("s3://bucket/cases.csv", ""),
        ("/data/cases.csv", ""),
        ("", ""),
    ],
)
def test_the_file_is_looked_for_on_the_volume_alone(path, file):
    (need,) = needs_of(read_pipeline(BATCH), {"INPUT_PATH": path, "BATCH_VERSION": "shadow"})
    assert need == Need("batch", "shadow", file)


def test_champion_and_file_of_the_project_are_lent(home, version, tmp_path):
    promote(home, version)
    (home / "batch").mkdir()
    (home / "batch" / "input.csv").write_text("a,b\n1,2\n")
    (note,) = lent(home, tmp_path / "volume")
    copies = Registry(tmp_path / "volume", MODEL)
    assert copies.resolve("champion") == version
    assert copies.verify(version).version == version
    assert history_of(copies)[0].why == "lent to a rehearsal"
    assert (tmp_path / "volume" / "batch" / "input.csv").read_text() == "a,b\n1,2\n"
    assert note == f"batch answers with a copy of {version} from {home}"


@pytest.mark.parametrize("name", ["batch/input.csv", "batch/input.parquet"])
def test_a_file_that_the_project_lacks_is_made_up_of_records_that_keep_the_contract(
    home, version, tmp_path, name
):
    promote(home, version)
    _, note = lent(home, tmp_path, INPUT_PATH=name)
    summary = run_batch(Project(settings_of(tmp_path)), str(tmp_path / name), str(tmp_path / "out.csv"))
    assert summary.rows >= RECORDS
    assert summary.rejected == 0
    assert note == f"batch reads made-up records: {home / name} is not there"


def test_a_version_by_name_is_lent_without_a_role(home, version, tmp_path):
    lent(home, tmp_path, BATCH_VERSION=version, INPUT_PATH="")
    copies = Registry(tmp_path, MODEL)
    assert copies.verify(version).version == version
    assert copies.roles().champion is None


def test_a_champion_that_was_tampered_with_is_not_lent(home, version, tmp_path):
    promote(home, version)
    file = Registry(home, MODEL).folder(version) / "model.skops"
    file.chmod(0o644)
    file.write_bytes(b"other")
    with pytest.raises(NotTrusted, match=version):
        lent(home, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {},
            r"node batch answers with champion, and .*home has none; `goldenpath models promote VERSION --",
        ),
        ({"BATCH_VERSION": "shadow"}, r"`goldenpath models promote VERSION --role shadow --why"),
        ({"BATCH_VERSION": "9.9.9"}, r"answers with 9.9.9, .* `goldenpath models list` shows what it has"),
    ],
)
def test_a_version_that_is_not_there_is_asked_for_before_anything_starts(home, version, values, message):
    with pytest.raises(BadInput, match=message):
        rehearse_pipeline(BATCH, settings_of(home), values=values)
    assert not (home / "rehearsals").exists()


def test_a_given_volume_is_looked_at_and_the_advice_acts_on_it(home, version, tmp_path):
    promote(home, version)  # in the project, which is another place
    volume = tmp_path / "lent"
    with pytest.raises(BadInput, match="there is no folder"):
        rehearse_pipeline(BATCH, settings_of(home), volume=volume)
    publish(volume)
    with pytest.raises(BadInput, match=f"`GOLDENPATH_HOME={volume} goldenpath models promote VERSION --why"):
        rehearse_pipeline(BATCH, settings_of(home), volume=volume)
    promote(volume, version)
    with pytest.raises(
        BadInput, match=r"node batch reads batch/input.csv, which is not in .*lent; put a file"
    ):
        rehearse_pipeline(BATCH, settings_of(home), volume=volume)
    assert not (home / "rehearsals").exists()


def test_a_file_of_a_kind_that_cannot_be_made_up_is_asked_for(home, version, tmp_path):
    promote(home, version)
    loan = Loan(Need("batch", "champion", "batch/input.csv.gz"), version)
    with pytest.raises(
        BadInput, match=r"batch reads input.csv.gz, which is not on the volume and cannot be made"
    ):
        lend([loan], settings_of(home), tmp_path)


def test_what_was_counted_and_the_versions_that_answered_are_lent(home, version, tmp_path):
    settings, volume = settings_of(home), tmp_path / "volume"
    counts = Counts(version=version, role="champion", hour="2026-11-28T12", writer="w", answers=5)
    write_counts(FeedbackFolder(home, MODEL), counts)
    (note,) = lend_feedback(read_pipeline(MONITOR), settings, volume)
    assert note == f"monitor reads a copy of {home / 'feedback' / MODEL / 'counts'}"
    assert read_counts(FeedbackFolder(volume, MODEL)).counts == (counts,)
    assert Registry(volume, MODEL).versions() == [version]


def test_a_project_without_counts_lends_an_empty_folder_and_says_so(home, tmp_path):
    (note,) = lend_feedback(read_pipeline(MONITOR), settings_of(home), tmp_path)
    assert note.startswith("monitor finds nothing counted: ")
    assert FeedbackFolder(tmp_path, MODEL).counts.is_dir()


def test_training_is_lent_no_counts(home, tmp_path):
    graph = read_pipeline(PROJECT / "pipelines" / "train.pipeline")
    assert lend_feedback(graph, settings_of(home), tmp_path) == []
    assert list(tmp_path.glob("feedback")) == []
