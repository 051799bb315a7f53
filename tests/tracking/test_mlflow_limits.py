"""What a step pays, says and sends if a server is down, silent or closed, with MLflow's own client."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from goldenpath.runs.run import Run
from tests.helpers.mlflow_server import STEP, MlflowServer, answering, mlflow_python

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nowhere() -> MlflowServer:
    "Return MLflow's client, and an address at which nothing is."
    return MlflowServer(mlflow_python(), "http://127.0.0.1:9")


def test_the_service_accounts_token_and_the_workspace_are_sent_and_never_shown(
    nowhere: MlflowServer, tmp_path: Path
):
    context = {"cluster": "c", "user": "u", "namespace": "team-a"}
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"token": "kube-t0ken"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    place = {"parentRunId": "0" * 32, "experimentId": "", "workspacesEnabled": True, "workspace": "team-a"}
    headers: list[Any] = []
    with answering(403, headers) as uri:
        handed = json.dumps({"endpoint": uri, "authType": "kubernetes", **place})
        variables = {"KFP_MLFLOW_CONFIG": handed, "KUBECONFIG": str(tmp_path / "kubeconfig")}
        done = nowhere.call(tmp_path, code=STEP, **variables)
    assert done.returncode == 0
    assert done.stderr == (
        f"not mirrored: MLflow at {uri}: it answered 403, these credentials are not allowed to do this; "
        "`goldenpath mlflow sync` makes up for it\n"
    )
    assert (headers[-1]["Authorization"], headers[-1]["X-MLFLOW-WORKSPACE"]) == (
        "Bearer kube-t0ken",
        "team-a",
    )


# What a step pays, with the real limits

COST = """
import os, sys, time
from goldenpath.project import Project
from goldenpath.tracking.within import mirror_within

project = Project()
for uri in sys.argv[1:]:
    os.environ["MLFLOW_TRACKING_URI"] = uri
    began = time.monotonic()
    mirror_within(project.settings, "latest")
    print(time.monotonic() - began)
"""


@contextmanager
def silent(queue: int) -> Iterator[str]:
    "Take this many connections and never say anything; further ones are not even accepted."
    with socket.create_server(("127.0.0.1", 0), backlog=queue) as listener:
        address = listener.getsockname()
        with ExitStack() as held:
            for _ in range(3 if not queue else 0):
                client = held.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(address)
            yield f"http://127.0.0.1:{address[1]}"


@pytest.mark.alone
def test_a_server_that_is_down_silent_slow_or_forbidden_costs_five_seconds_and_a_line(
    nowhere: MlflowServer, tmp_path: Path
):
    Run("20261121T000000Z-abcdef", tmp_path / "runs" / "20261121T000000Z-abcdef", "02_data").note("done")
    codes = (500, 0)
    with ExitStack() as stack:
        uris = [nowhere.uri, stack.enter_context(silent(5)), stack.enter_context(silent(0))]
        uris += [stack.enter_context(answering(code)) for code in codes]
        done = nowhere.call(tmp_path, *uris, code=COST)
    assert done.returncode == 0, done.stderr
    seconds, lines = [float(line) for line in done.stdout.split()], done.stderr.splitlines()
    assert [line.count("makes up for it") for line in lines] == [1] * len(uris)
    reasons = [line.split(": ")[2].split(";")[0] for line in lines]
    assert reasons[:3] == ["the connection was refused", *["it did not answer in time"] * 2]
    assert reasons[-1] == "5 s were not enough for everything"
    assert max(seconds) < 5.5, dict(zip(lines, seconds, strict=True))
