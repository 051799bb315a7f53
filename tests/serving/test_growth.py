"""Training against rows on the page: drawn from a whole contrast with plain figures, else not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from goldenpath.measure.growth import GrowthPoint
from goldenpath.registry.registry import Registry
from serving.growth import MOST_POINTS, growth_drawing
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL
from tests.measure.test_growth import grown_by_rows
from tests.steps.test_contrast import made_up

ROWS = (1_000, 14_000, 15_000, 1_000_000)


def content(**changes: Any) -> Any:
    "Return what the file of a contrast holds; its growth is that of `ROWS` unless another one is given."
    return json.loads(made_up(**{"growth": grown_by_rows(*ROWS), **changes}).model_dump_json())


def test_rows_go_to_the_right_seconds_upwards_and_the_server_is_below() -> None:
    drawing = growth_drawing(content())
    assert drawing is not None
    marks = drawing.marks
    assert [mark.text for mark in marks] == ["10.0 ms", "140 ms", "", "10.0 s"]
    assert [mark.x for mark in marks] == sorted(mark.x for mark in marks)
    assert drawing.left < marks[0].x < marks[-1].x < drawing.right
    assert drawing.bottom > drawing.served_y > marks[0].y > marks[-1].y
    assert [number for _, number in drawing.rows] == ["1,000", "10,000", "100,000", "1,000,000"]
    assert [seconds for _, seconds in drawing.decades] == pytest.approx([1e-3, 1e-2, 0.1, 1.0, 10.0])
    assert (drawing.served, drawing.times) == ("ask this server: 200 µs", "50,000 times")


def test_without_a_measured_server_the_line_is_that_of_a_loaded_model() -> None:
    drawing = growth_drawing(content(http_s=None))
    assert drawing is not None
    assert drawing.served == "ask a loaded model: 20.0 µs"


def hostile(**changes: Any) -> Any:
    "Return a contrast whose growth has other values in its points."
    whole = content()
    whole["growth"]["points"] = [point | changes for point in whole["growth"]["points"]]
    return whole


MANY = tuple(GrowthPoint(rows=1_000 + number, seconds=1, calls=1) for number in range(MOST_POINTS + 1))
NOT_DRAWN = {
    "nothing": None,
    "no growth": content(growth=None),
    "one point": content(growth=grown_by_rows(14_000)),
    "too many points": content(growth=grown_by_rows(1_000).model_copy(update={"points": MANY})),
    "no rows": hostile(rows=0),
    "more rows than there are": hostile(rows=10**400),
    "no time": hostile(seconds=0.0),
    "endless": hostile(seconds=float("inf")),
    "tiny": hostile(seconds=5e-324),
    "not a figure": hostile(seconds="<b>"),
    "a key too many": hostile(more=1),
    "no server's time": content() | {"http_s": {"p50": float("nan"), "p95": 1, "p99": 1}},
    "a server's time below none": content() | {"http_s": {"p50": -1, "p95": 1, "p99": 1}},
}


@pytest.mark.parametrize("what", NOT_DRAWN)
def test_what_cannot_be_drawn_is_left_out(what: str) -> None:
    assert growth_drawing(NOT_DRAWN[what]) is None


def test_the_page_shows_the_drawing_and_says_what_was_left_out(published: Path) -> None:
    models = models_of(published)
    asking = client(published, models)
    assert models.live.champion
    registry, version = Registry(published, MODEL), models.live.champion.version
    assert "train, then predict" not in asking.get("/").text
    growth = grown_by_rows(*ROWS).model_copy(update={"candidate": "<script>"})
    registry.save_contrast(version, content(growth=growth))
    page = client(published, models).get("/").text
    assert page.count("train, then predict</text>") == 1
    assert "Train, then predict: 10.0 ms with 1,000 rows" in page
    assert "fits &lt;script&gt; as 05_train does" in page
    assert page.index("50,000 times") < page.index('class="bars"')
    registry.save_contrast(version, content(growth=None))
    assert "train, then predict" not in client(published, models).get("/").text
