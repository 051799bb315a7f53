"""Submit a pipeline through Elyra, and wait by asking the Kubeflow Pipelines API itself.

Elyra's own `--monitor` (5.0) fails after the run: it reads a field that the client no longer has.
Tried against a stand-in of the API and a real S3 store, never against a live cluster.
"""

import json
import os
import re
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from goldenpath.cluster.compile import complaint
from goldenpath.cluster.pipeline_file import copy_pipeline, read_pipeline
from goldenpath.cluster.workspace import elyra_pipeline, export_notebooks
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.records import Frozen
from goldenpath.settings import Settings
from goldenpath.text.spelling import nearest

USUAL = "odh_dsp"  # the runtime configuration that OpenShift AI makes
# Where a pod's own token lies, in the order in which Elyra and Kubernetes put it.
TOKENS = (
    "/var/run/secrets/kubeflow/pipelines/token",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
)
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
_TRIES = 5  # calls in a row that may fail before waiting is given up


class Runtime(Frozen):
    "A runtime configuration of Elyra, as far as it is needed here."

    name: str
    api: str  # address of the Kubeflow Pipelines API
    auth: str  # Elyra's word for how one proves who one is
    password: str = ""
    store: str = ""  # address of the S3 store


class Submitted(Frozen):
    "A run on the cluster."

    run_id: str
    url: str  # its page


class Ended(Frozen):
    "How a run ended."

    state: str  # SUCCEEDED, FAILED, CANCELED, SKIPPED
    failed: tuple[str, ...]  # names of the tasks that failed
    message: str


def find_runtime(name: str = "") -> Runtime:
    "Find a runtime configuration by name; by default the platform's own, else the only one. Raises BadInput."
    folders = metadata_folders("runtimes")
    runtimes = {file.stem: file for folder in folders for file in sorted(folder.glob("*.json"))}
    if not runtimes:
        raise BadInput(
            "Elyra has no runtime configuration here: set up the pipeline server, then stop and start the "
            "workbench (docs/openshift.md)"
        )
    chosen = name or (USUAL if USUAL in runtimes else next(iter(runtimes)))
    if chosen not in runtimes or (not name and chosen != USUAL and len(runtimes) > 1):
        hint = nearest(chosen, runtimes) if name else ""
        raise BadInput(f"name a runtime configuration with --runtime{hint}; known: {', '.join(runtimes)}")
    return _read_runtime(runtimes[chosen])


def metadata_folders(kind: str) -> list[Path]:
    "List the folders in which Elyra looks for its metadata, such as `runtimes`."
    own = filter(None, os.environ.get("ELYRA_METADATA_PATH", "").split(os.pathsep))
    return [Path(folder) / "metadata" / kind for folder in (*own, *_jupyter_folders())]


def _jupyter_folders() -> list[str]:
    "List Jupyter's data folders; none if Jupyter is not installed, as in the serving image."
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError:
        return []
    return list(jupyter_path())


def _read_runtime(file: Path) -> Runtime:
    try:
        reply = json.loads(file.read_text("utf-8"))["metadata"]
        return Runtime(
            name=file.stem,
            api=str(reply["api_endpoint"]).rstrip("/"),
            auth=str(reply.get("auth_type", "NO_AUTHENTICATION")),
            password=str(reply.get("api_password", "")),
            store=str(reply.get("cos_endpoint", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{file} is not a runtime configuration of Elyra; make it again in the editor"
        ) from None


def submit_pipeline(
    file: Path,  # the .pipeline of the project
    settings: Settings,
    runtime: Runtime,
    values: Mapping[str, str] | None = None,  # environment variables of every node, for this run only
) -> Submitted:
    "Let Elyra upload and start a copy of the pipeline. Raises GoldenpathError with Elyra's complaint."
    command = elyra_pipeline()
    from jupyter_core.paths import jupyter_runtime_dir

    Path(jupyter_runtime_dir()).mkdir(parents=True, exist_ok=True)  # or Elyra ends with a traceback
    export_notebooks(settings.folder)
    with tempfile.TemporaryDirectory() as folder:
        copied = copy_pipeline(read_pipeline(file), settings.folder, Path(folder), values or {})
        done = subprocess.run(
            [*command, "submit", str(copied.file), "--runtime-config", runtime.name, "--json"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    reply = _told(done.stdout)
    if done.returncode or not reply:
        raise GoldenpathError(f"Elyra cannot submit {file.name}: {complaint(done.stdout + done.stderr)}")
    return Submitted(run_id=str(reply["run_id"]), url=str(reply.get("run_url", "")))


def _told(output: str) -> dict[str, Any]:
    "Find the JSON object in Elyra's output."
    match = re.search(r"^\{.*^\}", output, re.DOTALL | re.MULTILINE)
    try:
        return dict(json.loads(match[0])) if match else {}
    except ValueError:
        return {}


def wait_for_run(
    runtime: Runtime,
    run_id: str,
    seconds: float,  # seconds to wait; the run continues afterwards
    watch: Callable[[str], None] = lambda state: None,  # called with each new state
    every: float = 5.0,  # seconds between two questions
) -> Ended:
    "Ask until the run has ended. Raises GoldenpathError where the API does not answer, or time is over."
    until, state, failures = time.monotonic() + seconds, "", 0
    while time.monotonic() < until:
        try:
            run = ask_run(runtime, run_id)
            failures = 0
        except GoldenpathError:
            failures += 1
            if failures >= _TRIES:
                raise
            run = {}
        if run and run.get("state") != state:
            state = str(run.get("state", ""))
            watch(state)
        if state in ENDED:
            return _ended(run)
        time.sleep(every)
    raise GoldenpathError(f"run {run_id} is still {state or 'unknown'} after {seconds:.0f} s; it still runs")


def ask_run(runtime: Runtime, run_id: str) -> dict[str, Any]:
    "Fetch a run from the API. Raises GoldenpathError that names URL and reason."
    address = f"{runtime.api}/apis/v2beta1/runs/{run_id}"
    token = _token(runtime)
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})
    bundle = os.environ.get("KF_PIPELINES_SSL_SA_CERTS")  # set in workbenches
    secure = ssl.create_default_context(cafile=bundle) if address.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=30, context=secure) as reply:
            return dict(json.loads(reply.read()))
    except urllib.error.HTTPError as fault:
        fault.close()  # it holds the connection
        raise GoldenpathError(f"{address} answers {fault.code}: {_way_out(fault.code)}") from None
    except (urllib.error.URLError, OSError, ValueError) as fault:
        raise GoldenpathError(f"{address} does not answer ({fault}): is the pipeline server up?") from None


def _way_out(code: int) -> str:
    if code in (401, 403):
        return "your token is not accepted; stop and start the workbench"
    return "there is no such run" if code == 404 else "look at the pipeline server's pods"


def _token(runtime: Runtime) -> str:
    if runtime.auth == "NO_AUTHENTICATION":
        return ""
    if runtime.auth == "EXISTING_BEARER_TOKEN":
        return runtime.password
    for place in (os.environ.get("KF_PIPELINES_SA_TOKEN_PATH", ""), *TOKENS):
        if place and Path(place).is_file():
            return Path(place).read_text("utf-8").strip()
    raise BadInput(f"no token for {runtime.api}: none of {', '.join(TOKENS)} is here")


def _ended(run: dict[str, Any]) -> Ended:
    tasks = (run.get("run_details") or {}).get("task_details") or []
    failed = [str(task.get("display_name", "")) for task in tasks if task.get("state") == "FAILED"]
    message = str((run.get("error") or {}).get("message", ""))
    return Ended(state=str(run["state"]), failed=tuple(dict.fromkeys(failed)), message=message)
