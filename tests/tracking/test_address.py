"""Where MLflow is, and what of an address may be shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from goldenpath.tracking.address import find_mlflow, without_secrets


def handed(**values: Any) -> dict[str, str]:
    return {"KFP_MLFLOW_CONFIG": json.dumps({"endpoint": "https://mlflow.example.org", **values})}


def test_nothing_is_mirrored_if_nothing_names_a_server():
    assert find_mlflow({}) is None
    assert find_mlflow({"MLFLOW_TRACKING_URI": " "}) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"endpoint": ""}', '{"endpoint": 7}'])
def test_a_configuration_that_cannot_be_used_leaves_mlflows_own_variable(text: str):
    environ = {"KFP_MLFLOW_CONFIG": text, "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}
    address = find_mlflow(environ)
    assert address is not None
    assert (address.uri, address.parent) == ("http://127.0.0.1:5000", "")


def test_a_pipeline_server_hands_over_experiment_parent_workspace_and_kind_of_credentials(tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    tls = {"caBundlePath": str(bundle)}
    place = {"parentRunId": "abc", "experimentId": "7", "workspacesEnabled": True, "workspace": "team-a"}
    environ = handed(**place, authType="kubernetes", timeout="30s", tls=tls)
    address = find_mlflow({**environ, "MLFLOW_TRACKING_URI": "http://other"})
    assert address is not None
    assert (address.uri, address.experiment, address.parent) == ("https://mlflow.example.org", "7", "abc")
    assert address.variables["MLFLOW_TRACKING_AUTH"] == "kubernetes-namespaced"
    assert address.variables["MLFLOW_WORKSPACE"] == "team-a"
    assert address.variables["MLFLOW_TRACKING_SERVER_CERT_PATH"] == str(bundle)


@pytest.mark.parametrize("values", [{"insecureSkipVerify": True}, {"tls": {"insecureSkipVerify": True}}])
def test_a_certificate_is_not_asked_for_if_the_pipeline_server_says_so(values: dict[str, Any]):
    address = find_mlflow(handed(**values))
    assert address is not None
    assert address.variables["MLFLOW_TRACKING_INSECURE_TLS"] == "true"


def test_the_credentials_of_the_environment_are_used_as_they_are():
    bearer = find_mlflow(handed(authType="bearer"))
    assert bearer is not None
    assert "MLFLOW_TRACKING_AUTH" not in bearer.variables
    own = find_mlflow({**handed(authType="kubernetes"), "MLFLOW_TRACKING_AUTH": "mine"})
    assert own is not None
    assert own.variables["MLFLOW_TRACKING_AUTH"] == "mine"


def test_messages_hold_no_token_and_no_password():
    environ = {"MLFLOW_TRACKING_URI": "https://ada:pass@host/path?key=5", "MLFLOW_TRACKING_TOKEN": "t0ken"}
    address = find_mlflow(environ)
    assert address is not None
    assert address.shown == "https://host/path"
    text = "GET https://ada:pass@host/path?key=5/api (t0ken) as ada:pass failed"
    assert without_secrets(text, address, environ) == "GET https://host/path/api (***) as *** failed"
