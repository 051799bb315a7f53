"""09_contrast: what is measured, by the real server, and what is said where something cannot be measured."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import goldenpath.steps.contrast as contrast_step
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput, NoModel, NotTrusted, VolumeFault
from goldenpath.inference.engines import frame_of
from goldenpath.inference.proof import Paths, latencies
from goldenpath.measure.contrast import (
    Contrast,
    contrast_table,
    growth_sentence,
    headline,
    lines,
    multiple,
    reference,
)
from goldenpath.measure.endpoint import time_endpoint
from goldenpath.measure.http_client import Connection, NoAnswer, Reply, time_posts
from goldenpath.measure.server import NoServer, running_server
from goldenpath.measure.stopwatch import cut_short, in_words, latency, three_figures, time_calls
from goldenpath.model import build_pipeline
from goldenpath.records import Latency, Layout
from goldenpath.registry.registry import Registry, open_registry
from goldenpath.report.card import Words
from goldenpath.report.material import EXPLORED, explored, gather, pictures
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Contract, Record, Target
from goldenpath.schema.frames import json_rows
from goldenpath.steps.contrast import contrast, sample_of, some_rows, train_and_predict
from goldenpath.steps.publish import Published
from goldenpath.tables.counted import WORTHWHILE
from tests.helpers.contrast_keys import CONTRAST_KEYS
from tests.helpers.project import PROJECT
from tests.helpers.serving_fixtures import promote, publish
from tests.helpers.trained_run import RUN, judged, published, run_in, settings_for, step_in
from tests.registry.test_signing import make_keys
from tests.steps.test_candidates import TARGETS

NOWHERE = "http://127.0.0.1:9"


def made_up(**changes: object) -> Contrast:
    "Return a contrast with round figures."

    def spread(p50: float) -> Latency:
        return Latency(p50=p50, p95=2 * p50, p99=4 * p50)

    plain = {
        "model": "churn",
        "version": "1.0.0-20261121T000000Z-abcdef01",
        "synthetic": False,
        "rows": 14_000,
        "train_then_predict_s": 0.5,
        "load_then_predict_s": 0.05,
        "first_request_s": 0.002,
        "sklearn_one_s": spread(0.0025),
        "fast_one_s": spread(0.00002),
        "http_s": spread(0.0002),
        "http_floor_s": spread(0.0001),
        "batch_records_per_s": {"1": 10_000.0, "10000": 1_000_000.0},
        "machine": "a machine",
        "notes": ("warm-up is not counted",),
    }
    return Contrast.model_validate({**plain, **changes})


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Contrast]:
    "Run the real step once: return a home, and the contrast measured in it."
    home = tmp_path_factory.mktemp("home")
    run, _ = judged(home)
    version = published(home, run)
    note = Published(version=version, already=False, champion=True, note="")
    (run.folder / "published.json").write_text(note.model_dump_json())
    return home, contrast(step_in(run, settings_for(home, growth_seconds=1)), requests=2_000)


def test_contrast_json_has_exactly_the_keys_that_others_rely_on(measured: tuple[Path, Contrast]) -> None:
    home, told = measured
    saved = json.loads((home / "runs" / RUN / "contrast.json").read_text())
    assert list(saved) == CONTRAST_KEYS
    assert Contrast.model_validate(saved) == told
    for key in ("sklearn_one_s", "fast_one_s", "http_s", "http_floor_s", "http_bare_s"):
        assert list(saved[key]) == ["p50", "p95", "p99"]
    assert list(saved["batch_records_per_s"]) == ["1", "10", "100", "1000", "10000"]


def test_the_contrast_lies_beside_the_version_too(measured: tuple[Path, Contrast]) -> None:
    home, told = measured
    beside = Registry(home, "covid-death").contrast_file(told.version)
    assert Contrast.model_validate_json(beside.read_text()) == told


def test_everything_is_measured_where_the_server_is_at_hand(measured: tuple[Path, Contrast]) -> None:
    _, told = measured
    assert None not in told.model_dump().values()
    assert told.synthetic
    assert told.fast_one_s.p50 < told.sklearn_one_s.p50
    assert told.http_s.p50 < min(told.load_then_predict_s, told.train_then_predict_s)  # a hundredth of either
    assert told.batch_records_per_s["1000"] > told.batch_records_per_s["1"]


def test_warm_up_and_rows_are_said(measured: tuple[Path, Contrast]) -> None:
    notes = "\n".join(measured[1].notes)
    assert "warm-up is not counted" in notes
    assert "held-out rows in file order" in notes
    assert "train_then_predict_s: rows read, model fitted and one record predicted again" in notes


def test_training_is_timed_on_more_and_more_rows_of_the_same_stand_in(
    measured: tuple[Path, Contrast],
) -> None:
    home, told = measured
    growth = told.growth
    assert growth.candidate == json.loads((home / "runs" / RUN / "leaderboard.json").read_text())["chosen"]
    assert {1_000, told.rows} <= {point.rows for point in growth.points}
    numbers = [part.rows for part in (*growth.points, *growth.left_out)]
    assert sorted(numbers) == [1_000, told.rows, 10_000, 100_000, 1_000_000, 10_000_000]
    assert growth.seconds_of(told.rows) == told.train_then_predict_s
    assert all(point.seconds > told.http_s.p50 for point in growth.points)


def test_the_report_begins_with_training_against_rows(measured: tuple[Path, Contrast]) -> None:
    home, told = measured
    page = (home / "runs" / RUN / "report.html").read_text()
    first = page.index("<img")
    assert page[first:].partition('alt="')[2].startswith(growth_sentence(told))
    assert first < page.index('class="figures"')
    assert "10,000,000 rows" in page


def test_only_all_rows_are_fitted_again_without_seconds_for_others(home: Path) -> None:
    run, judgment = judged(home)
    growth = contrast_step._growth(step_in(run, settings_for(home)), judgment.manifest)
    assert [point.rows for point in growth.points] == [judgment.manifest.data.rows["train"]]
    assert growth.left_out == ()
    assert made_up(growth=growth).grown is None


@pytest.mark.parametrize("rows", [2_500, 60_000])
@pytest.mark.parametrize("task", TARGETS)
def test_each_kind_of_target_is_fitted_again_as_it_was_trained(
    task: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = Contract(Ward, TARGETS[task])
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"ward": random.choice(["north", "south"], rows)})
    outcome = {
        "binary": random.choice(["yes", "no"], rows),
        "classes": random.choice(["red", "green", "blue"], rows),
        "quantity": random.integers(1, 5, rows),
    }[task]
    clean = contract.check(frame.assign(**{TARGETS[task].column: outcome})).clean
    clean.to_parquet(tmp_path / "train.parquet")
    fitted = []
    fit = contrast_step.fit

    def noted(columns: dict, outcome: np.ndarray, weight: np.ndarray, *more: object) -> tuple:
        fitted.append((len(outcome), weight.sum(), fit(columns, outcome, weight, *more)))
        return fitted[-1][-1]

    monkeypatch.setattr(contrast_step, "fit", noted)
    for number in (1_000, rows):
        file = some_rows(tmp_path / "train.parquet", number, contract, 1, tmp_path / "some.parquet")
        train_and_predict(file, contract, seed=1, complete=dict)
    assert [weight for _, weight, _ in fitted] == [1_000, rows]
    assert [number for number, _, _ in fitted] == [1_000, rows if rows < WORTHWHILE else 2 * KINDS[task]]
    pipeline, layout, _ = fitted[-1][-1]
    unfitted = build_pipeline(layout, 1, task, "linear")
    whole = unfitted.fit(frame_of(contract.columns(clean), layout), contract.outcomes(clean))
    wards = pd.DataFrame({"ward": ["north", "south"]})
    scores = [contract.target.scores(model, wards) for model in (pipeline, whole)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_rows_of_one_outcome_are_no_reason_to_fail(tmp_path: Path) -> None:
    contract = Contract(Ward, TARGETS["binary"])
    frame = pd.DataFrame({"ward": "north", "ripe": ["yes", *["no"] * 4_999]})
    contract.check(frame).clean.to_parquet(tmp_path / "train.parquet")
    file = some_rows(tmp_path / "train.parquet", 1_000, contract, 1, tmp_path / "some.parquet")
    with pytest.raises(BadInput, match="there is nothing to tell apart"):
        train_and_predict(file, contract, seed=1, complete=dict)


def test_the_report_lies_in_the_run(measured: tuple[Path, Contrast]) -> None:
    home, told = measured
    page = (home / "runs" / RUN / "report.html").read_text()
    assert headline(told) in page
    assert "synthetic stand-in" in page


def test_the_server_is_gone_after_the_measurement(home: Path) -> None:
    run, _ = judged(home)
    version = published(home, run)
    with running_server(settings_for(home), version) as server, Connection(server.url) as line:
        assert line.get("/health/ready").status == 200
    with pytest.raises(ConnectionRefusedError):
        Connection(server.url)


def test_a_deployed_server_is_measured_if_it_answers_with_this_version(home: Path) -> None:
    run, _ = judged(home)
    version = published(home, run)
    bodies = bodies_of(run, 50)
    with running_server(settings_for(home), version) as server:
        settings = settings_for(home, server_url=server.url)
        found = time_endpoint(settings, version, bodies, 50, within=10)
        other = time_endpoint(settings, "1.0.0-x", bodies, 50, within=10)
    assert not (home / "feedback").exists()  # what is asked to measure does not count
    assert found.one.p50 > 0
    assert found.first is None
    assert found.notes[0] == "first_request_s: the deployed server had been started before"
    assert other.one is other.floor is other.first is None
    assert f"http_s: {server.url} answers with {version}, not with 1.0.0-x" in other.notes


def test_a_deployed_server_that_asks_for_a_token_gets_it(home: Path, tmp_path: Path) -> None:
    run, _ = judged(home)
    version = published(home, run)
    tokens = tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"t0ken").hexdigest() + "\n")
    bodies = bodies_of(run, 5)
    with running_server(settings_for(home), version, {"GOLDENPATH_TOKENS_FILE": str(tokens)}) as server:
        knocks = settings_for(home, server_url=server.url)
        enters = settings_for(home, server_url=server.url, server_token="t0ken")
        refused = time_endpoint(knocks, version, bodies, 5, within=10)
        welcome = time_endpoint(enters, version, bodies, 5, within=10)
    assert refused.notes[1] == f"http_s: {server.url}/predict answered with status 401"
    assert welcome.one.p50 > 0
    assert "t0ken" not in repr(enters)


def test_a_server_that_nobody_reaches_leaves_figures_empty_with_the_reason(home: Path) -> None:
    nowhere = settings_for(home, server_url=NOWHERE)
    found = time_endpoint(nowhere, "1.0.0-x", [b"{}"], 1, within=10)
    assert (found.first, found.one, found.floor) == (None, None, None)
    assert [note.partition(":")[0] for note in found.notes] == [
        "first_request_s",
        "http_s",
        "http_floor_s",
        "http_bare_s",
    ]
    assert "Connection refused" in found.notes[1]


def test_a_server_that_does_not_start_says_why(home: Path) -> None:
    with (
        pytest.raises(
            NoServer, match=r"ended with code 1: error: .*'1\.0\.0-x' of covid-death is not published"
        ),
        running_server(settings_for(home), "1.0.0-x"),
    ):
        pass


def test_a_pod_without_serving_code_says_so(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "goldenpath", tmp_path / "goldenpath")
    program = "from goldenpath.measure.server import serving_folder; serving_folder()"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert "NoServer: serving/ is not here and GOLDENPATH_SERVER_URL names no deployed server" in done.stderr


def test_what_a_version_or_its_home_does_not_have_is_said(home: Path) -> None:
    version = publish(home, compiled=False)
    settings = settings_for(home, server_url=NOWHERE)
    told = contrast(step_in(run_in(home), settings), version, requests=10)  # a run without rows and training
    notes = "\n".join(told.notes)
    assert told.fast_one_s is None
    assert "fast_one_s: no fast path:" in notes
    assert "golden rows: no run in this home holds the data" in notes
    assert "seconds of the fit as recorded when this version was trained" in notes
    assert told.train_then_predict_s > told.sklearn_one_s.p50
    assert reference(told) == (told.sklearn_one_s.p50, "in-process median (no server)")
    assert "No run in this home holds the evaluation" in (home / "runs" / RUN / "report.html").read_text()


def test_a_version_is_also_named_by_its_role(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = publish(home, compiled=False)
    promote(home, version)
    step = step_in(run_in(home), settings_for(home))
    monkeypatch.setattr(contrast_step, "_measure", lambda _, version, requests: made_up(version=version))
    assert contrast(step, "champion").version == version
    with pytest.raises(NoModel, match="no version of covid-death is shadow"):
        contrast(step, "shadow")


def test_the_report_tells_nothing_of_a_version_that_the_readers_key_has_not_signed(
    home: Path, tmp_path: Path
) -> None:
    version, keys = publish(home, compiled=False), make_keys(tmp_path / "keys")
    settings = settings_for(home, verify_key=str(keys.verify_with), require_signature=True)
    with pytest.raises(NotTrusted, match="is not signed"):
        gather(made_up(version=version), open_registry(settings), run_in(home), Words())


def test_a_step_that_published_nothing_names_the_step_to_run(home: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no published\.json: run 07_publish first"):
        contrast(step_in(run_in(home), settings_for(home)))


def bodies_of(run: Run, rows: int) -> list[bytes]:
    "Return the first test rows as requests."
    test = pd.read_parquet(run.input("data/test.parquet")).head(rows)
    return sample_of(CONTRACT, json_rows(CONTRACT.fields, test)).bodies


KINDS = {"binary": 2, "classes": 3, "quantity": 4}  # outcomes that are drawn


class Ward(Record):
    ward: Literal["north", "south"]


class Visit(Record):
    "Every kind of field that JSON writes in its own way."

    ward: Literal["north", "south"]
    weight: float
    children: int | None = None
    insured: bool
    admitted: date


def test_rows_become_the_json_that_a_caller_would_send() -> None:
    visits = Contract(Visit, Target(column="returned", positive="1", negative="0"))
    table = pd.DataFrame(
        {
            "ward": ["north", "south"],
            "weight": ["71.5", "80"],
            "children": ["2", ""],
            "insured": ["true", "false"],
            "admitted": ["2020-03-01", "2021-12-31"],
        }
    )
    clean = visits.check(table, target=False).clean
    first, second = json_rows(visits.fields, clean)
    full = {"ward": "north", "weight": 71.5, "children": 2, "insured": True, "admitted": "2020-03-01"}
    assert json.dumps(first) == json.dumps(full)
    assert "children" not in second
    assert [visits.parse(json.dumps(row)).ward for row in (first, second)] == ["north", "south"]


@pytest.mark.timeout(60)
def test_a_pipe_among_the_pictures_or_sentences_is_named_and_not_waited_for(home: Path) -> None:
    run = run_in(home)
    os.mkfifo(run.output("explore/rates.png"))
    with pytest.raises(VolumeFault, match=r"rates\.png: not a regular file"):
        pictures(run.folder / "explore", EXPLORED)
    os.mkfifo(run.output("explore/findings.txt"))
    run.output("explore/rates.png").unlink()
    with pytest.raises(VolumeFault, match=r"findings\.txt: not a regular file"):
        explored(run)


def test_every_line_is_a_multiple_of_the_http_median() -> None:
    told = made_up()
    found = {line.what: multiple(line.seconds, told) for line in lines(told)}
    assert found["train, then predict"] == "2,500 x"
    assert found["over HTTP"] == "1.00 x"
    assert found["in process, fast path"] == "0.100 x"
    assert headline(told) == (
        "Training and then predicting takes 500 ms; a running server answers in 200 µs: 2,500 times faster."
    )


def shown(told: Contrast | dict) -> str:
    console = Console(width=120)
    with console.capture() as text:
        console.print(contrast_table(told))
    return text.get()


def test_the_table_is_made_of_contrast_json_and_tells_everything() -> None:
    text = shown(made_up(synthetic=True).model_dump(mode="json"))
    for told in (
        "x HTTP median",
        "synthetic stand-in",
        "batches of 10,000: 1,000,000/s",
        "a machine",
        "warm-up",
    ):
        assert told in text


def test_without_a_server_the_table_says_what_it_compares_with() -> None:
    text = shown(made_up(http_s=None, http_floor_s=None, first_request_s=None, notes=("http_s: no server",)))
    assert "in-process median (no server)" in text
    assert text.count("over HTTP") == 1
    assert "over HTTP: no server" in text
    assert "25,000 x" in text


def test_without_training_seconds_nothing_is_claimed() -> None:
    assert headline(made_up(train_then_predict_s=None)) == "Training was not measured beside prediction."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.9449, "1.94 s"),
        (123.4, "123 s"),
        (0.00273, "2.73 ms"),
        (1.72e-5, "17.2 µs"),
        (2e-8, "0.0200 µs"),
        (0.0, "0 µs"),
        (0.0009999, "1.00 ms"),
    ],
)
def test_seconds_are_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_figures_keep_three_digits() -> None:
    assert [three_figures(value) for value in (12_345, 999.6, 1.2345, 0.08731)] == [
        "12,300",
        "1,000",
        "1.23",
        "0.0873",
    ]


def test_warm_up_calls_are_not_among_the_times() -> None:
    called: list[int] = []
    assert len(time_calls(called.append, [1, 2, 3], warm_up=5)) == 3
    assert called == [1, 2, 3, 1, 2, 1, 2, 3]


class SlowClock:
    "Every call takes a second of this clock, which nobody waits for."

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_a_second(self, _: object) -> None:
        self.now += 1


def test_a_slow_call_is_timed_as_often_as_its_time_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SlowClock()
    monkeypatch.setattr("goldenpath.measure.stopwatch.time.perf_counter", clock)
    seconds = time_calls(clock.pass_a_second, range(300), warm_up=100, within=10)
    assert seconds.tolist() == [1.0] * 9  # and one call to warm up
    assert clock.now == 10
    assert time_calls(clock.pass_a_second, range(300), warm_up=100, within=0.5).tolist() == [1.0]


def test_a_note_says_on_how_few_calls_a_measurement_rests() -> None:
    assert cut_short("http_s", np.ones(12), 3_000) == (
        "http_s: 12 calls instead of 3,000, because one takes so long",
    )
    assert cut_short("http_s", np.ones(3_000), 3_000) == ()


def test_the_timing_of_an_evaluation_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SlowClock()
    monkeypatch.setattr("goldenpath.measure.stopwatch.time.perf_counter", clock)
    latencies(Paths(SlowPath(clock), None), {"age": np.zeros(200)}, proven=False)
    assert clock.now <= 6


class SlowPath:
    "A model that takes a second of the clock for each record."

    name = "sklearn"
    layout = Layout(text=(), number=("age",))

    def __init__(self, clock: SlowClock) -> None:
        self._clock = clock

    def one(self, text: list[str], number: list[float]) -> None:
        self._clock.pass_a_second(number)


class SlowLine:
    "A connection whose /predict takes a second of the clock, and whose floor takes nothing."

    def __init__(self, clock: SlowClock) -> None:
        self._clock = clock

    def request(self, method: str, path: str, body: bytes) -> bytes:
        return path.encode()

    def exchange(self, request: bytes) -> Reply:
        if request == b"/predict":
            self._clock.pass_a_second(None)
        return Reply(200, b"")


def test_a_slow_server_is_asked_as_often_as_its_time_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SlowClock()
    monkeypatch.setattr("goldenpath.measure.stopwatch.time.perf_counter", clock)
    timed = time_posts(SlowLine(clock), ["/predict", "/floor"], [b"{}"], count=3_000, within=30)
    assert 12 <= len(timed["/predict"]) <= 36  # at least one in each of the 12 turns
    assert len(timed["/floor"]) == 3_000
    assert clock.now <= 45


def test_percentiles_are_those_of_the_calls() -> None:
    assert latency(range(101)) == Latency(p50=50, p95=95, p99=99)


@contextmanager
def replying(*pieces: bytes) -> Iterator[str]:
    "Yield a server that sends these pieces, one at a time, to whatever it is asked, and hangs up."

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            for piece in pieces:
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/below/here"
        thread.join()


def test_an_answer_in_pieces_is_put_together() -> None:
    with (
        replying(b"HTTP/1.1 200 OK\r\ncontent-", b"length: 4\r\n\r\nab", b"cd") as url,
        Connection(url) as line,
    ):
        assert line.post("/predict", b"{}") == (200, b"abcd")


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    with (
        replying(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab") as url,
        Connection(url) as line,
        pytest.raises(NoAnswer, match="closed the connection"),
    ):
        line.get("/")


def test_an_answer_without_a_length_is_no_answer() -> None:
    with (
        replying(b"HTTP/1.1 200 OK\r\n\r\nab") as url,
        Connection(url) as line,
        pytest.raises(NoAnswer, match="no Content-Length"),
    ):
        line.get("/")


def test_a_refused_request_is_not_timed() -> None:
    reply = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    with (
        replying(reply) as url,
        Connection(url) as line,
        pytest.raises(NoAnswer, match="answered with status 503"),
    ):
        time_posts(line, ["/predict"], [b"{}"], count=1, warm_up=1)


def test_a_request_names_host_prefix_length_and_token() -> None:
    with (
        replying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url,
        Connection(url, token="t0ken") as line,
    ):
        request = line.request("POST", "/predict", b"{}").decode()
        line.get("/")
    host = url.removeprefix("http://").partition("/")[0]
    assert request.startswith(f"POST /below/here/predict HTTP/1.1\r\nHost: {host}\r\n")
    assert "Authorization: Bearer t0ken\r\n" in request
    assert request.endswith("Content-Length: 2\r\nAuthorization: Bearer t0ken\r\n\r\n{}")
