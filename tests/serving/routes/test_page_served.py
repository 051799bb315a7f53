"""The page as it is sent, without a browser: whatever the registry holds, it is shown."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from goldenpath.registry.registry import Registry
from serving.models import Models, point
from serving.routes.page import typed
from serving.state import LARGEST_CONTRAST, Contrasts
from serving.watchers.metrics import COUNTED
from tests.helpers.contracts import EVERYTHING, GOOD
from tests.helpers.patience import LONG
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a champion, and a challenger that answers nearly everybody."
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
    assert text.count('">none</td>') == text.count('">0 %</td>') == 3


def test_the_live_figures_count_every_way_to_ask_and_tell_the_problems(home: Path) -> None:
    models = models_of(home)
    asking = client(home, models, metrics=True)
    rules = {rule.rule for rule in asking.application.url_map.iter_rules()}
    assert set(COUNTED) <= rules
    assert {rule for rule in rules if rule.endswith("/infer")} <= set(COUNTED)
    models.live = replace(models.live, problems=("the volume is away",))
    assert asking.get("/live").json["problems"] == ["the volume is away"]


def contrast_file(home: Path, models: Models) -> Path:
    "Where the champion's contrast lies; nothing is there yet."
    assert models.live.champion
    file = Registry(home, MODEL).contrast_file(models.live.champion.version)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    return file


GOOD_CONTRAST = b'{"http_s": {"p50": 0.000321}}'
DAMAGED = [
    b"[]",
    b"7",
    b"{}",
    b'{"http_s": {}}',
    b'{"http_s": 0.0}',
    b'{"http_s": -1.0}',
    b'{"http_s": NaN}',
    b'{"fast_one_s": {"p50": null}}',
    b"[" * 50_000,
    b"\xff",
    GOOD_CONTRAST + b" " * LARGEST_CONTRAST,
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:30]))
def test_a_damaged_or_giant_contrast_is_as_good_as_none(home: Path, content: bytes) -> None:
    models = models_of(home)
    file = contrast_file(home, models)
    without = client(home, models).get("/").text
    file.write_bytes(content)
    answer = client(home, models).get("/")
    assert (answer.status_code, answer.text) == (200, without)
    file.write_bytes(GOOD_CONTRAST.ljust(LARGEST_CONTRAST))
    assert "321 µs" in client(home, models).get("/").text


@pytest.mark.timeout(60)
def test_a_link_is_not_followed_and_a_pipe_not_waited_for(home: Path, tmp_path: Path) -> None:
    models = models_of(home)
    file = contrast_file(home, models)
    without = client(home, models).get("/").text
    (tmp_path / "elsewhere.json").write_bytes(GOOD_CONTRAST)
    file.symlink_to(tmp_path / "elsewhere.json")
    assert client(home, models).get("/").text == without
    file.unlink()
    os.mkfifo(file)
    assert client(home, models).get("/").text == without


def test_the_contrast_is_read_again_after_a_while_and_for_another_champion_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = models_of(home)
    contrast_file(home, models).write_bytes(GOOD_CONTRAST)
    asking = client(home, models)
    assert "321 µs" in asking.get("/").text
    contrast_file(home, models).write_bytes(GOOD_CONTRAST.replace(b"321", b"654"))
    assert "321 µs" in asking.get("/").text
    assert models.live.challenger
    models.live = replace(models.live, champion=models.live.challenger)
    contrast_file(home, models).write_bytes(GOOD_CONTRAST.replace(b"321", b"987"))
    assert "987 µs" in asking.get("/").text
    monkeypatch.setattr("serving.state.REMEMBERED", 0.0)
    contrast_file(home, models).write_bytes(GOOD_CONTRAST.replace(b"321", b"111"))
    assert "111 µs" in asking.get("/").text


def test_one_visitor_at_a_time_waits_for_a_volume_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, over = threading.Event(), threading.Event()

    def hang(path: Path, limit: int) -> bytes:
        reading.set()
        over.wait(LONG)
        return GOOD_CONTRAST

    monkeypatch.setattr("serving.state.read_file", hang)
    contrasts = Contrasts(Registry(tmp_path, MODEL))
    with ThreadPoolExecutor(1) as visitor:
        for version in ("one", "two"):
            first = visitor.submit(contrasts.of, version)
            assert reading.wait(LONG)
            assert contrasts.of(version) is None
            over.set()
            assert first.result() == contrasts.of(version) == json.loads(GOOD_CONTRAST)
            reading.clear()
            over.clear()
