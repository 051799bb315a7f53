"""What the monitor reported last becomes metrics: the newest readable report, bounded and harmless."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import REPORT, Drift, MonitorReport
from serving.watchers.metrics import Metrics
from serving.watchers.report import LARGEST_REPORT, LONGEST_NAME, MOST_NAMES, LatestReport, families
from tests.helpers.monitor_reports import NOW, monthly_report, save_monthly
from tests.helpers.serving_app import client, worker
from tests.helpers.serving_fixtures import MODEL


@pytest.fixture
def latest(tmp_path: Path) -> LatestReport:
    return LatestReport(FeedbackFolder(tmp_path, MODEL))


def reports(home: Path) -> Path:
    return FeedbackFolder(home, MODEL).reports


def samples(report: MonitorReport, seconds: float = 60) -> dict[tuple[str, ...], float]:
    "Return the value of each sample by its name and labels."
    made = [sample for one in families(report, NOW + timedelta(seconds=seconds)) for sample in one.samples]
    return {
        (sample.name.removeprefix("goldenpath_monitor_"), *sample.labels.values()): sample.value
        for sample in made
    }


def test_the_newest_report_is_told_with_its_age_alarms_drift_and_metrics():
    told = samples(monthly_report(kinds=("estimated", "drift"), unmatched=25))
    assert told["age_seconds",] == 60
    assert told["unmatched_share",] == 0.2
    kinds = ("realised", "estimated", "input", "drift", "refused")
    assert [told["alarms", kind] for kind in kinds] == [0, 1, 0, 1, 0]
    assert told["drift", "1.0.0-x", "ward"] == 0.3
    assert told["drift_limit", "1.0.0-x", "ward"] == 0.1
    assert told["drift", "1.0.0-x", "score of yes"] == 0.05
    origins = {
        origin: told["metric", "1.0.0-x", "roc_auc", origin]
        for origin in ("promised", "estimated", "realised")
    }
    assert origins == {"promised": 0.9, "estimated": 0.75, "realised": 0.7}
    assert ("metric", "1.0.0-x", "recall", "estimated") not in told


def test_a_new_report_takes_the_place_of_the_one_before(latest: LatestReport, tmp_path: Path):
    latest.look()
    assert latest.report is None
    save_monthly(reports(tmp_path), monthly_report())
    latest.look()
    first = latest.report
    latest.look()
    assert latest.report is first  # not read again
    later = NOW + timedelta(hours=1)
    save_monthly(reports(tmp_path), monthly_report(now=later), later)
    latest.look()
    assert latest.report.time == later.isoformat()


def hostile(name: str, folder: Path, secret: Path) -> None:
    file = folder / REPORT
    file.unlink()
    if name == "link":
        file.symlink_to(secret)
    elif name == "pipe":
        os.mkfifo(file)
    elif name == "huge":
        with file.open("wb") as opened:
            opened.truncate(LARGEST_REPORT + 1)
    elif name == "another time":
        file.write_text(monthly_report().model_copy(update={"time": "yesterday"}).model_dump_json())
    else:
        negative = monthly_report(unmatched=25).model_dump(mode="json") | {"outcomes": -25}
        contents = {"no json": "{", "foreign": '{"format": 2}', "deep": "[" * 100_000}
        file.write_text({**contents, "negative": json.dumps(negative)}[name])


@pytest.mark.parametrize(
    "name", ["link", "pipe", "huge", "another time", "negative", "no json", "foreign", "deep"]
)
def test_what_is_no_report_is_named_and_the_one_before_stays(name: str, latest: LatestReport, tmp_path: Path):
    save_monthly(reports(tmp_path), monthly_report())
    later = NOW + timedelta(hours=1)
    secret = tmp_path / "secret.json"
    secret.write_text(monthly_report(version="secret").model_dump_json())
    hostile(name, save_monthly(reports(tmp_path), monthly_report(now=later), later), secret)
    latest.look()
    assert latest.report == monthly_report()
    (problem,) = latest.problems
    assert "cannot be read" in problem
    assert "secret" not in problem
    state = worker(tmp_path)
    state.monitor.look()
    assert state.problems == [*state.live.problems, problem]


def test_names_and_numbers_of_a_report_are_bounded():
    report = monthly_report()
    window = report.versions[0].windows[-1]
    many = {f"{number}{'x' * 1000}": Drift(distance=0.5, limit=0.1) for number in range(1_000)}
    wild = window.model_copy(
        update={"drift": many | {"nan": Drift(distance=float("nan"), limit=float("inf"))}}
    )
    version = report.versions[0].model_copy(update={"recent": wild})
    made = samples(report.model_copy(update={"versions": (version,) * 500}))
    assert len([key for key in made if key[0] == "drift"]) <= MOST_NAMES
    assert max(len(label) for key in made for label in key) <= LONGEST_NAME


def test_labels_of_a_report_cannot_write_lines_of_their_own(tmp_path: Path):
    evil = 'x"} 1\ngoldenpath_requests_total{route="/predict"} 9'
    save_monthly(reports(tmp_path), monthly_report(version=evil))
    latest = LatestReport(FeedbackFolder(tmp_path, MODEL))
    latest.look()
    text = generate_latest(Metrics((latest,)).registry).decode()
    parsed = {family.name: family for family in text_string_to_metric_families(text)}
    assert parsed["goldenpath_requests"].samples == []
    assert {sample.labels["version"] for sample in parsed["goldenpath_monitor_drift"].samples} == {
        evil[:LONGEST_NAME]
    }


def test_metrics_of_a_server_hold_the_verdict_and_none_without_a_report(published: Path):
    state = worker(published, metrics=True)
    assert b"goldenpath_monitor" not in generate_latest(state.counted().together())
    save_monthly(reports(published), monthly_report())
    try:
        state.monitor.look()
        text = generate_latest(state.counted().together()).decode()
    finally:
        for file in reports(published).rglob("*.*"):
            if file.is_file():
                file.unlink()
    assert 'goldenpath_monitor_metric{metric="roc_auc",origin="estimated",version="1.0.0-x"} 0.75' in text


def test_requests_never_read_the_volume_for_it(published: Path, monkeypatch: pytest.MonkeyPatch):
    asked = client(published, metrics=True)
    monkeypatch.setattr(LatestReport, "look", lambda self: pytest.fail("a request looked"))
    assert asked.get("/metrics").status_code == 200
    assert asked.get("/").status_code == 200
    assert json.loads(asked.get("/live").data)["requests"] >= 0
