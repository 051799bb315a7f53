"""Alerts: valid rules about metrics that exist, each with its section of the guide, tried on drawn series."""

import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.watchers.metrics import COUNTED, Metrics
from serving.watchers.report import families
from tests.helpers.manifests import PROJECT, documents, one
from tests.helpers.monitor_reports import NOW, monthly_report
from tests.helpers.requirements import needs
from tests.helpers.serving_app import worker

RULES = one(tuple(documents(PROJECT / "openshift/components/monitoring/alerts.yaml")), "PrometheusRule")
ALERTS = {rule["alert"]: rule for group in RULES["spec"]["groups"] for rule in group["rules"]}
JOB = 'job="gp-serving",namespace="a"'
QUIET = {  # a server without trouble: what it says in each minute
    f"up{{{JOB}}}": "1+0x180",
    'goldenpath_model_info{role="champion",version="1.0.0-x"}': "1+0x180",
    "goldenpath_problems": "0+0x180",
    'goldenpath_requests_total{route="/predict",status="200"}': "0+1000x180",
    'goldenpath_requests_total{route="/predict",status="422"}': "0+10x180",
    'goldenpath_requests_total{route="/predict",status="503"}': "0+1x180",
    'goldenpath_monitor_alarms{kind="drift"}': "0+0x180",
    'goldenpath_monitor_alarms{kind="realised"}': "0+0x180",
    "goldenpath_monitor_age_seconds": "3600+60x180",
    "goldenpath_monitor_unmatched_share": "0.1+0x180",
    'goldenpath_dropped_total{queue="answers"}': "0+0x180",
    'goldenpath_dropped_total{queue="log"}': "0+100x180",
}
TROUBLE = {  # what changes, and the alert that must fire, alone
    "GoldenpathDown": {f"up{{{JOB}}}": "0+0x180"},
    "GoldenpathNotReady": {'goldenpath_model_info{role="champion",version="1.0.0-x"}': "0+0x180"},
    "GoldenpathProblems": {"goldenpath_problems": "1+0x180"},
    "GoldenpathErrors": {'goldenpath_requests_total{route="/predict",status="503"}': "0+50x180"},
    "GoldenpathRefusals": {'goldenpath_requests_total{route="/predict",status="422"}': "0+100x180"},
    "GoldenpathInput": {'goldenpath_monitor_alarms{kind="drift"}': "2+0x180"},
    "GoldenpathWorse": {'goldenpath_monitor_alarms{kind="realised"}': "1+0x180"},
    "GoldenpathReportOld": {"goldenpath_monitor_age_seconds": "180000+60x180"},
    "GoldenpathUnmatched": {"goldenpath_monitor_unmatched_share": "0.5+0x180"},
    "GoldenpathLost": {'goldenpath_dropped_total{queue="answers"}': "0+1x180"},
}


@pytest.fixture(scope="module")
def promtool() -> str:
    program = shutil.which("promtool")
    needs("promtool", program is not None, "there is no promtool (Debian: prometheus)")
    return str(program)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(RULES["spec"]))
    return file


def checked(promtool: str, *words: str) -> str:
    done = subprocess.run([promtool, *words], capture_output=True, text=True, env=os.environ | {"TZ": "UTC"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules(promtool: str, rules: Path):
    assert f"{len(ALERTS)} rules found" in checked(promtool, "check", "rules", str(rules))


def test_each_alert_fires_at_its_own_trouble_and_none_without(promtool: str, rules: Path):
    def case(name: str, changes: dict[str, str]) -> dict[str, Any]:
        series = [{"series": key, "values": value} for key, value in (QUIET | changes).items()]
        return {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": expected(name)}

    def expected(name: str) -> list[dict[str, Any]]:
        fires = [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name in TROUBLE else []
        query = 'count by (alertname) (ALERTS{alertstate="firing"})'
        return [{"expr": query, "eval_time": "3h", "exp_samples": fires}]

    assert TROUBLE.keys() == ALERTS.keys()
    cases = [case("quiet", {}), *(case(name, changes) for name, changes in TROUBLE.items())]
    test = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": cases}
    (rules.parent / "test.yaml").write_text(yaml.safe_dump(test))
    assert "SUCCESS" in checked(promtool, "test", "rules", str(rules.parent / "test.yaml"))


def test_alerts_are_about_metrics_that_the_server_has():
    metrics = Metrics()
    named = {family.name for family in metrics.registry.collect()}
    named |= {family.name for family in families(monthly_report(), NOW + timedelta(hours=1))}
    asked = {name for rule in ALERTS.values() for name in re.findall(r"goldenpath_\w+", rule["expr"])}
    assert {name.removesuffix("_total") for name in asked} - named == set()
    assert "goldenpath_monitor_drift" in named


def test_alerts_name_routes_statuses_and_kinds_that_there_are():
    routes = re.compile(re.search(r'route=~"([^"]+)"', ALERTS["GoldenpathErrors"]["expr"])[1])
    assert all(routes.fullmatch(route) for route in COUNTED)
    statuses = re.compile(re.search(r'status=~"([^"]+)"', ALERTS["GoldenpathRefusals"]["expr"])[1])
    assert all(statuses.fullmatch(status) for status in ("400", "422"))
    assert not statuses.fullmatch("401")  # a caller without a token
    kinds = "".join(ALERTS[name]["expr"] for name in ("GoldenpathInput", "GoldenpathWorse"))
    told = {
        sample.labels["kind"]
        for one in families(monthly_report(), NOW)
        for sample in one.samples
        if "kind" in sample.labels
    }
    assert all(kind in kinds for kind in told)


def test_the_alert_about_lost_answers_is_about_every_queue_of_feedback_and_no_other(published: Path):
    lost = re.compile(re.search(r'queue=~"([^"]+)"', ALERTS["GoldenpathLost"]["expr"])[1])
    state = worker(published, metrics=True, feedback="records", shadow_queue=10)
    of_feedback = {queue.name for queue in state.feedback.queues}
    named = {queue.name for queue in state.queues if lost.fullmatch(queue.name)}
    assert named == of_feedback
    assert {"log", "metrics", "shadow"} <= {queue.name for queue in state.queues} - named


def test_each_alert_names_a_section_of_the_guide_that_is_there():
    for rule in ALERTS.values():
        page, _, section = rule["annotations"]["page"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (PROJECT / page).read_text(), re.MULTILINE)
        assert section in {
            re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings
        }
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description", "page"}
