"""The lane answers as Flask does: the same requests to two applications, one of which has no lane."""

import gc
import hashlib
import json
import weakref
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from goldenpath.errors import GoldenpathError
from goldenpath.predict import Answer, Predictor
from serving.lane import Lane
from serving.remote_engine import BackendTimeout
from tests.helpers.request_bodies import RECORD, REFUSED
from tests.helpers.serving_app import settings_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.two_ways import Question, Way

TOKEN, ORIGIN = "correct-horse-battery", "https://portal.example.org"
RECORDS = records(40, 7)
JSON = {"CONTENT_TYPE": "application/json"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Make a home with all three roles."
    folder = tmp_path_factory.mktemp("home")
    promote(folder, publish(folder, 1))
    promote(folder, publish(folder, 2), "challenger", 0.5)
    promote(folder, publish(folder, 3), "shadow")
    (folder / "tokens").write_text(hashlib.sha256(TOKEN.encode()).hexdigest())
    (folder / "revoked").write_text("")
    return folder


SITUATIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "with a memo": {"memo": 20},
    "with tokens": {"tokens_file": "{home}/tokens"},
    "with tokens that were all revoked": {"tokens_file": "{home}/revoked"},
    "with origins": {"cors_origins": ORIGIN},
    "with short bodies only": {"max_body": 1_000},
    "without observers": {"metrics": False, "log_sample": 0.0, "shadow_queue": 0},
    "without a model": {"home": "{home}/empty"},
    "without a place": {},
    "draining": {},
}


@pytest.fixture(scope="module", params=SITUATIONS)
def ways(request: pytest.FixtureRequest, home: Path) -> list[Way]:
    "Make the application with the lane, and without."
    both = two_ways(home, SITUATIONS[request.param], draining=request.param == "draining")
    for way in both if request.param == "without a place" else ():
        while way.state.guards.in_flight.take() is not None:
            pass
    return both


def two_ways(home: Path, situation: dict[str, Any], draining: bool = False) -> list[Way]:
    filled = {k: v.format(home=home) if isinstance(v, str) else v for k, v in situation.items()}
    common = {"metrics": True, "log_sample": 1.0, **filled}
    place = Path(common.pop("home", home))
    ways = [Way(settings_of(place, **common, lane=lane), draining) for lane in (True, False)]
    for way in ways:
        if way.state.guards.tokens:
            way.state.guards.tokens.look()
    return ways


def same(ways: list[Way], question: Question) -> None:
    with_lane, without = (way.ask(question) for way in ways)
    assert with_lane == without, question


def one_in(often: st.SearchStrategy[Any], *seldom: Any) -> st.SearchStrategy[Any]:
    "Mostly the ordinary, so that a request is strange in a few ways at a time."
    return st.one_of(often, often, often, often, st.sampled_from(seldom))


RAW = [body if isinstance(body, bytes) else json.dumps(body).encode() for body, _, _ in REFUSED[:-1]]
TWICE = b'{"sex":"Male",' + json.dumps(RECORD).encode()[1:]
LONG = b" " * 65_536 + json.dumps(RECORD).encode()
VALUE = st.sampled_from([None, True, 1, 1.5, "", "Yes", "\ud800", "x" * 300, [], {}]) | st.text(max_size=5)
BODIES = st.one_of(
    st.sampled_from(RECORDS).map(lambda record: json.dumps(record).encode()),
    st.sampled_from(RECORDS).map(lambda record: json.dumps(record, indent=2, ensure_ascii=False).encode()),
    st.sampled_from([*RAW, TWICE, LONG, b"\xef\xbb\xbf{}", b"[" * 5_000, json.dumps(RECORDS).encode()]),
    st.tuples(st.sampled_from(sorted(RECORD)), VALUE).map(
        lambda one: json.dumps({**RECORD, one[0]: one[1]}).encode()
    ),
    st.binary(max_size=40),
)
HEADERS = st.fixed_dictionaries(
    {
        "CONTENT_TYPE": one_in(
            st.just("application/json"),
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/jsonp",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
        )
    },
    optional={
        "HTTP_X_REQUEST_ID": st.sampled_from(["order-7", "a" * 64, "a" * 65, "a b", "é", ""]),
        "HTTP_X_STICKY_KEY": st.text(st.characters(max_codepoint=255), max_size=8),
        "HTTP_AUTHORIZATION": one_in(
            st.just(f"Bearer {TOKEN}"),
            f"bearer  {TOKEN}",
            f"Bearer {TOKEN}x",
            TOKEN,
            "Bearer",
            "Basic x",
            "é",
        ),
        "HTTP_ORIGIN": st.sampled_from([ORIGIN, "https://evil.example.org", "null"]),
        "HTTP_CONTENT_ENCODING": one_in(st.just("identity"), "gzip", ""),
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "gzip"]),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": st.just("POST"),
        "HTTP_ACCEPT": st.sampled_from(["text/html", "*/*"]),
        "HTTP_EXPECT": st.just("100-continue"),
    },
)
PATHS = ("/predict/", "//predict", "/Predict", "/predict/batch", "/floor", "/nowhere", "/health/ready")
LENGTHS = ("", "0", "7", "007", "-1", "+5", "1e3", " 5", "\u0665", "99999", "9" * 30)
QUESTIONS = st.builds(
    Question,
    method=one_in(st.just("POST"), "GET", "HEAD", "PUT", "OPTIONS", "DELETE", "post"),
    path=one_in(st.just("/predict"), *PATHS, f"/v2/models/{MODEL}/infer"),
    query=one_in(st.just(""), "explain=1", "%ff"),
    body=BODIES,
    headers=HEADERS,
    length=one_in(st.none(), *LENGTHS),
    terminated=st.booleans(),
)


@given(question=QUESTIONS)
@effort(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_request_is_answered_counted_and_logged_as_without_the_lane(
    ways: list[Way], question: Question
) -> None:
    same(ways, question)


def test_ordinary_requests_are_the_same_to_the_last_count(ways: list[Way]) -> None:
    for number, record in enumerate([*RECORDS, *RECORDS]):
        headers = {**JSON, "HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "HTTP_ORIGIN": ORIGIN}
        headers |= {"HTTP_X_STICKY_KEY": str(number)} if number % 2 else {}
        same(ways, Question(body=json.dumps(record).encode(), headers=headers))
    if ways[0].settings.metrics:
        assert ways[0].numbers() == ways[1].numbers()
    assert {len(way.state.guards.in_flight) for way in ways} <= {0, ways[0].settings.max_in_flight}


class Refusal:
    "In place of Flask: a request that reaches it fails the test."

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise AssertionError("this request went through Flask")


@pytest.fixture
def alone(home: Path) -> Way:
    "Make a lane with nothing behind it."
    way = two_ways(home, {"tokens_file": "{home}/tokens", "cors_origins": ORIGIN, "memo": 5})[0]
    way.app.wsgi_app = Lane(Refusal(), way.state)  # type: ignore[method-assign]
    return way


def test_the_ordinary_request_does_not_reach_flask(alone: Way) -> None:
    result = alone.ask(Question(headers={**JSON, "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}))
    assert result.status == "200 OK"
    assert set(json.loads(result.body)) == {"id", "label", "probability", "version"}


class Unread:
    "A body that must not be read."

    def read(self, *size: int) -> bytes:
        raise AssertionError("the body was read")


def test_an_emptied_file_of_tokens_lets_no_caller_in(home: Path) -> None:
    way = two_ways(home, {"tokens_file": "{home}/revoked"})[0]
    for sent in ({}, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, {"HTTP_AUTHORIZATION": "Bearer"}):
        assert way.ask(Question(headers={**JSON, **sent})).status == "401 UNAUTHORIZED"


@pytest.mark.parametrize("what", ["no token", "no place", "too long", "another type"])
def test_a_body_is_not_read_before_all_guards_have_passed(home: Path, what: str) -> None:
    way = two_ways(home, {"tokens_file": "{home}/tokens", "max_in_flight": 1, "max_body": 1_000})[0]
    reached = []
    lane = Lane(lambda environ, start_response: reached.append(environ) or [], way.state)  # type: ignore[func-returns-value]
    token = {} if what == "no token" else {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
    kind = {"CONTENT_TYPE": "text/plain"} if what == "another type" else JSON
    if what == "no place":
        way.state.guards.in_flight.take()
    length = "1001" if what == "too long" else "5"
    environ = {**Question(headers={**kind, **token}, length=length).environ(), "wsgi.input": Unread()}
    lane(environ, None)
    assert reached == [environ]


def test_a_place_is_given_back_after_good_and_bad_requests(home: Path) -> None:
    way = two_ways(home, {"max_in_flight": 1})[0]
    for body in (json.dumps(RECORD).encode(), b"{}", b"no JSON"):
        way.ask(Question(body=body))
        assert len(way.state.guards.in_flight) == 0


@pytest.mark.parametrize(
    ("fault", "status"), [(BackendTimeout("slow"), "504"), (ValueError("Zebra-1931"), "500")]
)
def test_a_model_that_fails_is_asked_once_and_answered_for_as_without_the_lane(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: str
) -> None:
    asked = []

    def one(self: Predictor, record: object) -> Answer:
        asked.append(record)
        raise fault

    monkeypatch.setattr(Predictor, "one", one)
    ways = two_ways(home, {})
    result = ways[0].ask(Question())
    assert (result.status[:3], len(asked)) == (status, 1)
    assert result == ways[1].ask(Question())
    assert isinstance(fault, GoldenpathError) or result.faults == ["request ID: ValueError"]


class Noted(BackendTimeout):
    "A fault that one can look for later without keeping it."

    all: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        super().__init__("slow")
        self.all.append(weakref.ref(self))


def test_a_fault_and_the_body_that_it_holds_do_not_wait_for_the_garbage_collector(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(self: Predictor, record: object) -> Answer:
        raise Noted

    monkeypatch.setattr(Predictor, "one", one)
    way = two_ways(home, {})[0]
    gc.disable()
    try:
        assert [way.ask(Question()).status[:3] for _ in range(3)] == ["504"] * 3
        assert [fault() for fault in Noted.all[:2]] == [None, None]
    finally:
        gc.enable()


class Broken:
    "A body whose caller goes away in the middle."

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int = -1) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        raise OSError("gone")


class Pieces(Broken):
    "A body that comes in pieces, shorter than asked for."

    def read(self, size: int = -1) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def asked_with(way: Way, stream: object) -> Any:
    question = Question()
    environ = {**question.environ(), "wsgi.input": stream}
    question.environ = lambda: environ  # type: ignore[method-assign]
    return way.ask(question)


def test_a_body_in_pieces_is_put_together_and_one_that_ends_early_is_flasks(home: Path) -> None:
    body = json.dumps(RECORD).encode()
    ways = two_ways(home, {})
    whole = [asked_with(way, Pieces(body[:9], body[9:])) for way in ways]
    short = [asked_with(way, Pieces(body[:9])) for way in ways]
    gone = [asked_with(way, Broken(body[:9])) for way in ways]
    assert [result.status[:3] for result in (*whole, *short)] == ["200"] * 2 + ["400"] * 2
    assert whole[0] == whole[1]
    assert short[0] == short[1]
    assert gone[0] == gone[1]


def test_a_caller_cannot_pretend_to_come_from_the_lane(home: Path) -> None:
    same(two_ways(home, {}), Question(path="/nowhere", headers={**JSON, "HTTP_GOLDENPATH.TRACE": "x"}))


def test_the_setting_takes_the_lane_out(home: Path) -> None:
    with_lane, without = two_ways(home, {})
    assert isinstance(with_lane.app.wsgi_app, Lane)
    assert not isinstance(without.app.wsgi_app, Lane)
