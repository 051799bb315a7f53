"""Bring MLflow up to date with a home: what `goldenpath mlflow sync` does, and a step within its seconds."""

import os
import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.registry.registry import Registry
from goldenpath.runs.run import read_json
from goldenpath.tracking.address import (
    HANDED_OVER,
    NAMED,
    NO_CLIENT,
    MlflowAddress,
    find_mlflow,
    network_reason,
    without_secrets,
)
from goldenpath.tracking.facts import facts_of
from goldenpath.tracking.runs import RunMirror, experiment_of
from goldenpath.tracking.versions import VersionMirror

# Of one request, where the environment says nothing else: seconds, and how often it is tried again.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "20", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
_REFUSALS = {401: "it asks for credentials", 403: "these credentials are not allowed to do this"}
_REASON_LENGTH = 300  # characters


def expected_mlflow() -> MlflowAddress:
    "Return where MLflow is. Raises BadInput if nothing names it, or if its client is not installed."
    address = find_mlflow()
    if address is None:
        raise BadInput(
            f"no MLflow is named: set {NAMED}, such as http://127.0.0.1:5000 "
            f"(in its pods, a pipeline server sets {HANDED_OVER})"
        )
    if not find_spec("mlflow"):
        raise BadInput(NO_CLIENT)
    return address


@contextmanager
def opened_mirror(registry: Registry, within: float = 0.0) -> Iterator[VersionMirror]:
    """Open the mirror of a registry and its runs.

    With `within`, this program is ended so many seconds from now, if no one else does it.

    Raises BadInput without an address or client. What MLflow raises in the block becomes a GoldenpathError of
    one line, without secrets.
    """
    address = expected_mlflow()
    os.environ.update({**_PATIENCE, **os.environ, **address.variables})
    signal.setitimer(signal.ITIMER_REAL, within)
    try:
        warnings.simplefilter("ignore")  # MLflow's advice about its models
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=address.uri)
        experiment = experiment_of(client, address, os.environ, registry.model)
        yield VersionMirror(RunMirror(client, address, experiment), registry)
    except GoldenpathError:
        raise
    except Exception as error:
        raise GoldenpathError(f"MLflow at {address.shown}: {mlflow_reason(error, address)}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def mlflow_reason(error: Exception, address: MlflowAddress) -> str:
    "Say in a few words why MLflow could not be asked."
    status = getattr(error, "get_http_status_code", lambda: 0)()
    text = without_secrets(str(error), address)
    for code, words in _REFUSALS.items():
        if code == status or re.search(rf"(code|server-info:) {code}\b", text):
            return f"it answered {code}, {words}"
    return network_reason(text) or f"{type(error).__name__}: {text[:_REASON_LENGTH]}"


def sync_run(mirror: VersionMirror, folder: Path) -> None:
    "Mirror a run, the version that it published, and the roles."
    mirror.runs.mirror(facts_of(folder))
    version = read_json(folder / "published.json").get("version")
    if version and mirror.registry.exists(str(version)):
        mirror.mirror(str(version))
        mirror.mirror_roles()


def sync_runs(mirror: VersionMirror, folders: list[Path]) -> Iterator[str]:
    "Mirror runs, oldest first; yield the id of each."
    for folder in folders:
        mirror.runs.mirror(facts_of(folder))
        yield folder.name


def sync_versions(mirror: VersionMirror) -> Iterator[tuple[str, str]]:
    "Mirror all versions and the roles; yield each version, and why it was left out (empty if it was not)."
    for version in mirror.registry.versions():
        try:
            mirror.mirror(version)
            yield version, ""
        except GoldenpathError as fault:  # one bad version does not hide the others
            yield version, str(fault)
    mirror.mirror_roles()
