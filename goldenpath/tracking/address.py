"""Where MLflow is: KFP_MLFLOW_CONFIG, which a pipeline server sets, or else MLFLOW_TRACKING_URI names it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from goldenpath.errors import without_credentials

HANDED_OVER, NAMED = "KFP_MLFLOW_CONFIG", "MLFLOW_TRACKING_URI"
_SECRETS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
# MLflow's client reports nothing to its makers, prints no lines of its own and looks for no uv project.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}

NO_CLIENT = "MLflow needs the extra `mlflow`; run `pip install -e '.[mlflow]'` in the project"
_SIGNS = {  # in the words of several libraries
    "timed out": "it did not answer in time",
    "refused": "the connection was refused",
    "resolve": "its name is not known",
    "not known": "its name is not known",
}


class _Tls(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")
    insecure_skip_verify: bool = False
    ca_bundle_path: str = ""


class _Handed(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")
    endpoint: str
    workspace: str = ""
    workspaces_enabled: bool = False
    parent_run_id: str = ""
    experiment_id: str = ""
    auth_type: str = ""
    insecure_skip_verify: bool = False
    tls: _Tls | None = Field(default=None)


@dataclass(frozen=True)
class MlflowAddress:
    "A tracking server, and the place there that runs belong to."

    uri: str
    variables: Mapping[str, str]  # of MLflow's client
    experiment: str = ""  # id; empty: the one that MLflow's variables name, else the model's own
    parent: str = ""  # id of the MLflow run that runs are nested below

    @property
    def shown(self) -> str:
        "The address without user, password and query."
        return without_credentials(self.uri)


def find_mlflow(environ: Mapping[str, str] = os.environ) -> MlflowAddress | None:
    "Return where MLflow is, or None if nothing names it. What was handed over and cannot be read is ignored."
    handed = _handed(environ.get(HANDED_OVER, ""))
    if handed:
        variables = _variables(handed, environ)
        return MlflowAddress(handed.endpoint, variables, handed.experiment_id, handed.parent_run_id)
    uri = environ.get(NAMED, "").strip()
    return MlflowAddress(uri, {NAMED: uri, **_QUIET}) if uri else None


def _handed(text: str) -> _Handed | None:
    try:
        handed = _Handed.model_validate_json(text)
    except ValidationError:
        return None
    return handed if handed.endpoint.strip() else None


def _variables(handed: _Handed, environ: Mapping[str, str]) -> dict[str, str]:
    variables = {NAMED: handed.endpoint, **_QUIET}
    if handed.auth_type == "kubernetes":
        kind = "kubernetes-namespaced" if handed.workspaces_enabled or handed.workspace else "kubernetes"
        variables["MLFLOW_TRACKING_AUTH"] = environ.get("MLFLOW_TRACKING_AUTH") or kind
    if handed.workspace:
        variables["MLFLOW_WORKSPACE"] = handed.workspace
    if handed.insecure_skip_verify or (handed.tls and handed.tls.insecure_skip_verify):
        variables["MLFLOW_TRACKING_INSECURE_TLS"] = "true"
    elif handed.tls and Path(handed.tls.ca_bundle_path).is_file():
        variables["MLFLOW_TRACKING_SERVER_CERT_PATH"] = handed.tls.ca_bundle_path
    return variables


def without_secrets(text: str, address: MlflowAddress, environ: Mapping[str, str] = os.environ) -> str:
    "Return a message without tokens, passwords and what the address holds of them."
    hidden = [environ.get(name, "") for name in _SECRETS]
    hidden.append(urlsplit(address.uri).netloc.rpartition("@")[0])
    text = text.replace(address.uri, address.shown)
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def network_reason(text: str) -> str:  # "" if it is another one
    "Say what an error of the network means."
    return next((words for sign, words in _SIGNS.items() if sign in text), "")
