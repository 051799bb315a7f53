"""The model in a server of its own: MLServer, which nobody here wrote, and a backend that misbehaves."""

import contextlib
import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from goldenpath.errors import BadInput
from goldenpath.records import Layout
from goldenpath.registry.mlserver import export_mlserver
from goldenpath.registry.registry import Registry
from goldenpath.settings import Settings, load_settings
from serving.models import Models
from serving.remote_engine import BackendFailed, BackendTimeout, RemoteEngine, open_remote
from tests.helpers.patience import LONG
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records

RECORDS = records(20, 7)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    promote(folder, publish(folder, 1))
    promote(folder, publish(folder, 2), "challenger", 0.5)
    return folder


class Backend:
    "A server that speaks just enough of the protocol to be wrong in one way or another."

    def __init__(self) -> None:
        self.answers: list[Any] = []  # what comes next: a status, seconds to wait, bytes, or a JSON value
        self.asked: list[dict[str, Any]] = []
        self.url = ""


@pytest.fixture
def backend() -> Iterator[Backend]:
    told = Backend()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            said = told.answers.pop(0)
            if isinstance(said, float):
                time.sleep(said)
            status = said if isinstance(said, int) else 200
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            "Nothing."

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    server.server_close()


def good(*probabilities: float) -> dict[str, Any]:
    data = [part for one in probabilities for part in (1 - one, one)]
    return {"outputs": [{"name": "predict_proba", "shape": [len(probabilities), 2], "data": data}]}


def remote(url: str, **options: Any) -> RemoteEngine:
    layout = Layout(text=("colour",), number=("age", "height"))
    return RemoteEngine(url, "churn", "1.0.0-x", layout, **{"timeout": LONG, **options})


def test_one_record_is_sent_as_a_tensor_for_each_column(backend: Backend) -> None:
    backend.answers = [good(0.25)]
    assert remote(backend.url).one(["red"], [7.0, math.nan]) == 0.25
    assert backend.asked[0]["inputs"] == [
        {"name": "colour", "shape": [1], "datatype": "BYTES", "data": ["red"]},
        {"name": "age", "shape": [1], "datatype": "FP64", "data": [7.0]},
        {"name": "height", "shape": [1], "datatype": "FP64", "data": [None]},
    ]


def test_a_failed_call_is_tried_again_and_then_given_up(backend: Backend) -> None:
    backend.answers = [503, good(0.5)]
    assert remote(backend.url).one(["red"], [1.0, 2.0]) == 0.5
    backend.answers = [503, 500]
    with pytest.raises(BackendFailed, match="answered with status 500"):
        remote(backend.url).one(["red"], [1.0, 2.0])


def test_a_backend_that_is_not_there_cannot_be_reached() -> None:
    with pytest.raises(BackendFailed, match=r"cannot be reached \(ConnectionRefusedError\)"):
        remote("http://127.0.0.1:9", retries=0).one(["red"], [1.0, 2.0])


def test_a_slow_backend_is_a_timeout(backend: Backend) -> None:
    backend.answers = [0.6, 0.6]
    with pytest.raises(BackendTimeout, match=r"within 0.2 s"):
        remote(backend.url, timeout=0.2).one(["red"], [1.0, 2.0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (404, "refused the call with status 404"),
        ([], "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        ({"outputs": [{"name": "other", "data": []}]}, "cannot be read"),
        (good(0.1, 0.2), "cannot be read"),
        (good(1.5), "is not a probability"),
    ],
)
def test_a_wrong_answer_is_not_believed(backend: Backend, answer: Any, words: str) -> None:
    backend.answers = [answer]
    with pytest.raises(BackendFailed, match=words):
        remote(backend.url).one(["red"], [1.0, 2.0])


@pytest.mark.parametrize("url", ["", "mlserver:8080", "ftp://mlserver"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="is not a URL such as"):
        remote(url)


@pytest.mark.parametrize("url", ["mlserver:8080", "http://mlserver:http", "http://[::1"])
def test_a_setting_that_no_request_could_be_sent_to_is_refused_before_anything_starts(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"GOLDENPATH_BACKEND_URL = .* is not allowed"):
        load_settings(environ={"GOLDENPATH_HOME": str(tmp_path), "GOLDENPATH_BACKEND_URL": url})


def test_user_and_password_of_an_address_are_no_part_of_its_host(backend: Backend) -> None:
    backend.answers = [good(0.5)]
    assert remote(backend.url.replace("//", "//me:secret@")).one(["red"], [1.0, 2.0]) == 0.5


def test_failures_of_the_backend_are_502_and_504(home: Path, backend: Backend) -> None:
    models = models_of(home)
    asking = client(home, models)
    for answers, status in ([500, 500], 502), ([0.6, 0.6], 504):
        backend.answers = answers
        for predictor in (one for _, one in models.live.holders):
            slow = RemoteEngine(backend.url, MODEL, predictor.version, predictor.engine.layout, timeout=0.2)
            predictor.engine = slow
        answer = asking.post("/predict", json=RECORDS[0])
        assert answer.status_code == status
        assert "try again" in answer.json["error"]


def test_a_backend_with_another_model_is_refused_and_one_that_is_away_is_tried_again(
    home: Path, backend: Backend
) -> None:
    settings = Settings(
        home=str(home), model=MODEL, backend="v2", backend_url=backend.url, backend_timeout=LONG
    )
    registry = Registry(home, MODEL)
    models = Models(registry, lambda version: open_remote(registry, settings, version))
    backend.answers = [500] * 4
    models.look()
    assert models.live.champion is None
    assert "answered with status 500" in models.live.problems[0]
    golden = registry.folder(registry.resolve("champion")) / "golden.json"
    count = len(json.loads(golden.read_text())["label"])
    backend.answers = [good(*[0.5] * count)] * 2
    models.look()
    assert "is another model" in models.live.problems[0]


def test_an_export_never_overwrites(home: Path, tmp_path: Path) -> None:
    registry = Registry(home, MODEL)
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(BadInput, match="is not empty"):
        export_mlserver(registry, registry.resolve("champion"), tmp_path)
