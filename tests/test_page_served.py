"""The page as it is sent, without a browser: whatever the registry holds, it is shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from goldenpath.rails.registry import Registry
from serving.figures import COUNTED
from serving.models import point
from serving.page import typed
from tests.contracts import EVERYTHING, GOOD
from tests.serving_app import client, models_of
from tests.serving_fixtures import MODEL, promote, publish, records


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A champion, and a challenger that answers nearly everybody."
    folder = tmp_path_factory.mktemp("home")
    promote(folder, publish(folder, 1))
    promote(folder, publish(folder, 2), "challenger", 0.95)
    return folder


def test_model_and_page_tell_of_the_champion_whatever_the_challenger_answers(home: Path) -> None:
    models = models_of(home)
    assert models.live.champion
    champion = models.live.champion.version
    asking = client(home, models)
    told = asking.get("/model").json
    assert told["version"] == told["roles"]["champion"] == champion
    assert f"Version <code>{champion}</code> answers" in asking.get("/").text


def test_the_form_without_script_is_answered_by_whom_predict_would_ask(home: Path) -> None:
    models = models_of(home)
    assert models.live.champion
    asking = client(home, models)
    rows = records(200, 5)
    keys = [json.dumps(row, separators=(",", ":")).encode() for row in rows]
    row = rows[max(range(200), key=lambda place: point(keys[place]))]
    said = asking.post("/predict", json=row).json
    assert said["version"] == models.live.champion.version
    form = {name: value for name, value in row.items() if value is not None}
    assert f"in the server, by <code>{said['version']}</code>" in asking.post("/ask", data=form).text


def test_the_form_takes_whole_floats_for_integers() -> None:
    field = next(field for field in EVERYTHING.fields if field.name == "integer")
    record = EVERYTHING.parse(json.dumps({**GOOD, "integer": typed(field, "1990.0")}))
    assert EVERYTHING.values(record) == EVERYTHING.values(
        EVERYTHING.parse(json.dumps({**GOOD, "integer": 1990}))
    )


def test_without_a_model_the_page_says_so_and_nobody_answers_anything(tmp_path: Path) -> None:
    text = client(tmp_path, metrics=True).get("/").text
    assert "No model is loaded" in text
    assert "Nothing was measured" not in text
    assert text.count('">nobody</td>') == text.count('">0 %</td>') == 3


def test_the_live_figures_count_every_way_to_ask_and_tell_the_problems(home: Path) -> None:
    models = models_of(home)
    asking = client(home, models, metrics=True)
    rules = {rule.rule for rule in asking.application.url_map.iter_rules()}
    assert set(COUNTED) <= rules
    assert {rule for rule in rules if rule.endswith("/infer")} <= set(COUNTED)
    models.live = replace(models.live, problems=("the volume is away",))
    assert asking.get("/live").json["problems"] == ["the volume is away"]


@pytest.mark.parametrize(
    "contrast",
    [[], 7, {}, {"http_s": {}}, {"http_s": 0.0}, {"http_s": -1.0}, {"fast_one_s": {"p50": None}}, "NaN"],
)
def test_a_damaged_contrast_is_as_good_as_none(home: Path, contrast: Any) -> None:
    models = models_of(home)
    assert models.live.champion
    file = Registry(home, MODEL).contrast_file(models.live.champion.version)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    asking = client(home, models)
    without = asking.get("/")
    file.write_text('{"http_s": NaN}' if contrast == "NaN" else json.dumps(contrast))
    assert (without.status_code, asking.get("/").status_code) == (200, 200)
    assert asking.get("/").text == without.text
