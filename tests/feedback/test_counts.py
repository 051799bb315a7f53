"""Counts of several writers add up, whatever else lies in their folder."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldenpath.errors import VolumeFault
from goldenpath.feedback.counts import (
    Counts,
    FieldCounts,
    ScoreCounts,
    add_up,
    hour_of,
    read_counts,
    write_counts,
    writer_name,
)
from goldenpath.feedback.folder import FeedbackFolder


def counted(
    writer: str = "host-1-a", hour: str = "2026-11-28T12", answers: int = 3, **more: object
) -> Counts:
    "Return counts of one writer."
    values = {
        "version": "1.0.0-x",
        "role": "champion",
        "hour": hour,
        "writer": writer,
        "answers": answers,
        "fields": {"sex": FieldCounts(cells=(answers, 0, 1), missing=1, unseen=1)},
        "scores": {"Yes": ScoreCounts(n={4: answers, 990: 1}, p={4: 0.5, 990: 0.25})},
        "labels": {"Yes": 1, "No": answers - 1},
        "label_p": {"Yes": 0.75},
        "refused": 2,
        "refusals": {"sex": 2, "(not JSON)": 1},
    }
    return Counts.model_validate(values)


@pytest.fixture
def folder(tmp_path: Path) -> FeedbackFolder:
    return FeedbackFolder(tmp_path, "model")


def test_what_was_written_is_read_again(folder: FeedbackFolder) -> None:
    counts = counted()
    assert write_counts(folder, counts) == folder.counts / "1.0.0-x/2026-11-28T12-host-1-a-champion.json"
    assert read_counts(folder).counts == (counts,)


def test_a_writer_replaces_only_what_it_wrote_itself(folder: FeedbackFolder) -> None:
    for counts in (counted(answers=3), counted(answers=5), counted("host-2-b", answers=10)):
        write_counts(folder, counts)
    assert sum(counts.answers for counts in read_counts(folder).counts) == 15


def test_a_file_seen_twice_counts_once_and_the_fuller_state_wins(folder: FeedbackFolder) -> None:
    file = write_counts(folder, counted(answers=3))
    shutil.copy(file, file.with_name("2026-11-28T12-an-older-copy.json"))
    file.unlink()
    write_counts(folder, counted(answers=7))
    assert [counts.answers for counts in read_counts(folder).counts] == [7]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"format":1,"version":"1.0.0-x","answ',
        b"[]",
        b'{"answers":-1}',
        b'{"format":2}',
        b'{"rows":3}',
        b"{}",
    ],
)
def test_a_half_written_or_foreign_file_is_skipped_and_named(folder: FeedbackFolder, content: bytes) -> None:
    good = write_counts(folder, counted())
    bad = good.with_name("2026-11-28T12-bad.json")
    bad.write_bytes(content)
    read = read_counts(folder)
    assert read.counts == (counted(),)
    assert len(read.problems) == 1
    assert read.problems[0].startswith(f"{bad}: ")


def test_links_folders_and_staged_files_are_no_counts(folder: FeedbackFolder, tmp_path: Path) -> None:
    good = write_counts(folder, counted())
    good.with_name("2026-11-28T12-link.json").symlink_to(good)
    good.with_name("2026-11-28T12-folder.json").mkdir()
    good.with_name(".staging-1").write_bytes(b"half")
    (folder.counts / "a-file-beside").write_bytes(b"")
    read = read_counts(folder)
    assert read.counts == (counted(),)
    assert len(read.problems) == 2


def test_only_the_hours_asked_for_are_read(folder: FeedbackFolder) -> None:
    for hour in ("2026-11-28T11", "2026-11-28T12", "2026-11-28T13"):
        write_counts(folder, counted(hour=hour))

    def hours(since: datetime | None, until: datetime | None) -> list[str]:
        return [counts.hour[-2:] for counts in read_counts(folder, since, until).counts]

    noon = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
    assert hours(noon, None) == ["12", "13"]
    assert hours(None, noon) == ["11", "12"]
    assert hours(None, noon.replace(minute=0)) == ["11"]
    assert hours(noon.replace(hour=14), None) == []


def test_a_folder_that_is_not_there_holds_nothing(folder: FeedbackFolder) -> None:
    assert read_counts(folder).counts == ()


def test_a_folder_that_cannot_be_written_is_named(folder: FeedbackFolder, tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file in its place")
    with pytest.raises(VolumeFault, match="feedback"):
        write_counts(folder, counted())


def test_everything_is_added_up() -> None:
    total = add_up([counted(answers=3), counted("host-2-b", "2026-11-28T13", 5)])
    assert (total.version, total.role, total.hour, total.writer) == ("1.0.0-x", "champion", "", "")
    assert total.answers == 8
    assert total.fields["sex"] == FieldCounts(cells=(8, 0, 2), missing=2, unseen=2)
    assert total.scores["Yes"] == ScoreCounts(n={4: 8, 990: 2}, p={4: 1.0, 990: 0.5})
    assert total.labels == {"Yes": 2, "No": 6}
    assert total.label_p == {"Yes": 1.5}
    assert (total.refused, total.refusals) == (4, {"sex": 4, "(not JSON)": 2})
    assert add_up([total, add_up([])]).answers == 8


def test_counts_of_an_older_release_are_read(folder: FeedbackFolder) -> None:
    stored = Path(__file__).with_name("counts-1.json").read_bytes()
    file = folder.counts / "1.0.0-x" / "2026-11-28T12-host-1-a-champion.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(stored)
    assert read_counts(folder).counts == (counted(),)


def test_a_writer_has_a_name_of_its_own() -> None:
    assert writer_name() != writer_name()
    assert hour_of(datetime(2026, 11, 28, 12, 59, tzinfo=UTC)) == "2026-11-28T12"
