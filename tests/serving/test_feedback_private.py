"""With `feedback = counts` no value of a record gets onto the volume, into the log or into the metrics."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from goldenpath.feedback.counts import add_up, read_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.predict import Predictor
from goldenpath.records import Columns, Layout
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import Roles
from goldenpath.schema.contract import Contract, Record, Target, columns_of_json
from goldenpath.schema.targets import TargetSpec
from serving.app import create_app
from serving.models import Live, Models
from serving.state import EXTENSION, State
from tests.helpers.drawn_profiles import profile_of_columns
from tests.helpers.serving_app import settings_of
from tests.helpers.serving_fixtures import MODEL

WORD, NUMBER = "zebra", 912_345  # marks: in each text, and the first digits of each number
MARKS = (WORD.encode(), str(NUMBER).encode())


class Note(Record):
    person: str
    day: int
    ward: Literal["north", "south"]
    note: str = Field(max_length=100)
    amount: float | None = None


CONTRACT = Contract(Note, Target(column="died", positive="yes", negative="no"), key="person")


class Constant:
    "An engine whose answers say nothing of the record."

    name = "formula"
    layout = Layout(text=("ward", "note"), number=("day", "amount"))
    target: TargetSpec = CONTRACT.target

    def one(self, text: list[str], number: list[float]) -> float:
        return 0.25 if text[0] == "north" else 0.75

    def many(self, columns: Columns) -> np.ndarray:
        return np.where(columns["ward"] == "north", 0.25, 0.75)


def marked(at: int) -> dict[str, Any]:
    "Return a record whose texts and numbers can be found again."
    return {
        "person": f"{WORD}-person-{at}",
        "day": NUMBER * 1000 + at,
        "ward": "north" if at % 3 else "south",
        "note": f"the note of {WORD} {at}",
        "amount": NUMBER + at / 7919,
    }


def unmarked(at: int) -> dict[str, Any]:
    "Return a record of the training rows."
    return {"person": f"{at}", "day": at, "ward": "north", "note": "well" if at % 2 else "ill", "amount": at}


def worker(home: Path) -> tuple[State, Any]:
    "Return a worker with a version that has a profile, and its client."
    models = Models(Registry(home, MODEL), lambda version: pytest.fail("nothing is loaded here"))
    predictor = Predictor(Constant(), CONTRACT, 0.5, "1.0.0-x")
    models.live = Live(Roles(number=1), champion=predictor, problems=())
    app = create_app(
        settings_of(home, feedback="counts", log_sample=1.0, metrics=True), CONTRACT, models, lambda: False
    )
    state: State = app.extensions[EXTENSION]
    columns = columns_of_json(CONTRACT.spec, [unmarked(at) for at in range(40)])
    profile = profile_of_columns(CONTRACT.spec, columns, np.full(40, 0.25), ["no"] * 40)
    assert state.feedback is not None
    state.feedback._profiles["1.0.0-x"] = profile
    return state, app.test_client()


def ask(client: Any, at: int) -> None:
    "Ask once in each way, and once in ways that are refused."
    record = marked(at)
    inputs = [
        {"name": name, "shape": [1], "datatype": kind, "data": [record[name]]}
        for name, kind in zip(record, ("BYTES", "INT64", "BYTES", "BYTES", "FP64"), strict=True)
    ]
    infer = f"/v2/models/{MODEL}/infer"
    assert client.post("/predict", json=record).status_code == 200
    assert client.post("/predict/batch", json=[record] * 9).status_code == 200
    assert client.post(infer, json={"inputs": inputs}).status_code == 200
    for broken in (
        {**record, "ward": WORD},
        {**record, WORD: NUMBER},
        {**record, "note": WORD * 30},
        {**record, "amount": f"{NUMBER}"},
    ):
        assert client.post("/predict", json=broken).status_code == 422
    assert client.post("/predict", json=[record]).status_code == 400


@pytest.mark.parametrize("times", [60, pytest.param(2_500, marks=pytest.mark.slow)])
def test_no_value_of_a_record_is_left_anywhere(
    home: Path, times: int, capfd: pytest.CaptureFixture[str]
) -> None:
    state, client = worker(home)
    for at in range(times):
        ask(client, at)
    for queue in state.queues:
        queue.drain()
    state.feedback.write()
    told = [client.get(path).data for path in ("/metrics", "/model", "/live", "/")]
    log = "".join(capfd.readouterr())
    files = [path for path in home.rglob("*") if path.is_file()]
    counts = add_up(read_counts(FeedbackFolder(home, MODEL)).counts)
    assert (counts.answers, counts.refused) == (11 * times, 5 * times)
    assert counts.fields["note"].unseen == counts.fields["day"].outside == 11 * times
    assert counts.refusals["(unknown field)"] == times
    assert '"route":"/predict"' in log
    for mark in MARKS:
        assert [path for path in files if mark in path.read_bytes()] == []
        assert not any(mark in page for page in told)
        assert mark not in log.encode()
        assert not any(mark in str(path).encode() for path in files)
