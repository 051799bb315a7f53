"""What is counted of single answers and of tables is what a count by hand finds, for every task."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goldenpath.errors import VolumeFault
from goldenpath.feedback import ledger as ledger_module
from goldenpath.feedback.cells import Cells, lie_outside, place_numbers
from goldenpath.feedback.counted_rows import BatchParts, row_values
from goldenpath.feedback.counts import Counts, read_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.ledger import Ledger, Refusal
from goldenpath.feedback.profile import Profile
from goldenpath.inference.answers import ClassAnswer, QuantityAnswer
from goldenpath.records import Columns
from goldenpath.schema.contract import columns_of_json
from tests.helpers.drawn_profiles import profile_of_columns
from tests.helpers.task_versions import TASKS, task_records

NOON = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


class Answered:
    "Records of a task with made-up answers, and a ledger to count them."

    def __init__(self, task: str, home: Path) -> None:
        self.contract = TASKS[task].contract
        self.spec, target = self.contract.spec, self.contract.target
        self.records = task_records(task, 300)
        self.columns: Columns = columns_of_json(self.spec, self.records)
        rng = np.random.default_rng(1)
        if task == "classes":
            self.scores = rng.dirichlet([1.0] * target.width, len(self.records))
            self.labels = [target.outcomes[code] for code in self.scores.argmax(axis=1)]
        else:
            self.scores, self.labels = rng.normal(10, 5, len(self.records)), []
        half = slice(0, 150)
        columns = {name: values[half] for name, values in self.columns.items()}
        self.profile = profile_of_columns(self.spec, columns, self.scores[half], self.labels[half])
        self.folder = FeedbackFolder(home, "model")
        self.ledger = Ledger(self.spec, self.folder, self.profile_of, lambda: NOON)

    def profile_of(self, version: str) -> Profile | None:
        return self.profile if version == "v1" else None

    def rows(self, version: str = "v1") -> list[tuple[Any, ...]]:
        "Return what a server hands over for each request."
        take = row_values(self.contract)
        parsed = [
            self.contract.parse(self.contract.record(**record).model_dump_json()) for record in self.records
        ]
        return [take(record.__dict__) + self.answer(at, version) for at, record in enumerate(parsed)]

    def answer(self, at: int, version: str) -> tuple[Any, ...]:
        if self.labels:
            by_class = dict(zip(self.contract.target.outcomes, self.scores[at].tolist(), strict=True))
            return ClassAnswer(self.labels[at], by_class, version)
        return QuantityAnswer(self.scores[at].item(), None, None, version)

    def table(self, version: str = "v1") -> BatchParts:
        return BatchParts("champion", version, self.columns, self.scores, self.labels)

    def read(self) -> Counts:
        self.ledger.write()
        [counts] = read_counts(self.folder).counts
        return counts


@pytest.fixture(params=["classes", "quantity"])
def answered(request: pytest.FixtureRequest, tmp_path: Path) -> Answered:
    return Answered(request.param, tmp_path)


def test_single_answers_are_counted_as_by_hand(answered: Answered) -> None:
    answered.ledger.see("champion", answered.rows())
    counts, cells = answered.read(), Cells(answered.profile)
    assert (counts.version, counts.role, counts.hour, counts.answers) == (
        "v1",
        "champion",
        "2026-11-28T12",
        300,
    )
    for name, field in cells.fields.items():
        values, found = answered.columns[name], counts.fields[name]
        places = cells.text(name, values.tolist()) if field.is_text else place_numbers(field.edges, values)
        by_hand = Counter(places.tolist())
        assert found.missing == by_hand.pop(-1, 0)
        assert {place: times for place, times in enumerate(found.cells) if times} == dict(by_hand)
        assert found.unseen == (by_hand[len(found.cells) - 1] if field.is_text else 0)
        outside = 0 if field.is_text else int(lie_outside(field, values).sum())
        assert found.outside == outside
    scores = answered.scores.reshape(300, -1)
    places = cells.scores(answered.scores).reshape(300, -1)
    for at, score in enumerate(answered.profile.scores):
        assert counts.scores[score.name].n == dict(Counter(places[:, at].tolist()))
        for place, total in counts.scores[score.name].p.items():
            assert total == pytest.approx(scores[places[:, at] == place, at].sum())
    assert counts.labels == {name: answered.labels.count(name) for name in answered.contract.target.outcomes}
    for at, label in enumerate(answered.contract.target.outcomes):
        decided = np.array(answered.labels) == label
        assert counts.label_p[label] == pytest.approx(scores[decided, at].sum())


def test_a_table_is_counted_as_its_rows_are(answered: Answered) -> None:
    answered.ledger.see("champion", answered.rows())
    rows = answered.read()
    answered.ledger.see_tables([answered.table()])
    both = answered.read()
    assert both.answers == 600
    assert {name: [2 * n for n in field.cells] for name, field in rows.fields.items()} == {
        name: list(field.cells) for name, field in both.fields.items()
    }
    assert {name: {cell: 2 * n for cell, n in score.n.items()} for name, score in rows.scores.items()} == {
        name: dict(score.n) for name, score in both.scores.items()
    }


def test_equal_answers_are_counted_as_often_as_they_were_given(answered: Answered) -> None:
    answered.ledger.see("champion", answered.rows())
    once = answered.read()
    for _ in range(2):
        answered.ledger.see("champion", answered.rows())
    thrice = answered.read()
    assert thrice.answers == 900
    assert thrice.labels == {label: 3 * n for label, n in once.labels.items()}
    for name, field in once.fields.items():
        assert [3 * n for n in field.cells] == list(thrice.fields[name].cells)
        assert 3 * field.outside == thrice.fields[name].outside


def test_any_number_of_different_answers_takes_little_memory(
    answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answered.ledger, "_most", 50)
    for start in range(0, 300, 20):
        answered.ledger.see("champion", answered.rows()[start : start + 20])
        answered.ledger.tidy()
        assert len(answered.ledger._different["champion"]) <= 50
    assert answered.read().answers == 300


def test_a_score_that_is_no_number_has_no_cell_and_is_counted_as_an_answer(answered: Answered) -> None:
    answered.scores[7] = np.nan
    answered.ledger.see_tables([answered.table()])
    counts = answered.read()
    assert counts.answers == 300
    assert {sum(score.n.values()) for score in counts.scores.values()} == {299}


def test_versions_without_a_profile_have_neither_fields_nor_scores(answered: Answered) -> None:
    answered.ledger.see("champion", answered.rows("v2"))
    counts = answered.read()
    assert (counts.answers, sum(counts.labels.values())) == (300, len(answered.labels))
    assert (counts.fields, counts.scores, counts.label_p) == ({}, {}, {})


def test_what_could_not_be_written_is_written_next_time(
    answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered.ledger.see("champion", answered.rows())
    answered.ledger.refuse([Refusal("v0", ("age", "age")), Refusal("v0", ("(malformed)",))])
    written: list[Counts] = []

    def fail(folder: FeedbackFolder, counts: Counts) -> None:
        written.append(counts)
        raise VolumeFault("full")

    with monkeypatch.context() as full:
        full.setattr(ledger_module, "write_counts", fail)
        with pytest.raises(VolumeFault, match="full"):
            answered.ledger.write()
    monkeypatch.setattr(answered.ledger, "_clock", lambda: NOON.replace(hour=15))
    answered.ledger.write()
    refused, counts = read_counts(answered.folder).counts
    assert (refused.version, refused.refused, refused.refusals) == ("v0", 2, {"age": 1, "(malformed)": 1})
    assert (counts.hour, counts.answers) == ("2026-11-28T12", 300)
    assert not answered.ledger._tallies


def test_hours_that_cannot_be_written_take_bounded_memory(
    answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "MOST_UNWRITTEN", 3)
    for hour in range(8):
        monkeypatch.setattr(answered.ledger, "_clock", lambda hour=hour: NOON.replace(hour=hour))
        answered.ledger.see_tables([answered.table()])
    answered.ledger.write()
    assert [counts.hour[-2:] for counts in read_counts(answered.folder).counts] == ["04", "05", "06", "07"]
