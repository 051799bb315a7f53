"""The page about exporting: what CI does is run with KFP's own client, against a stand-in of the API."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from goldenpath.cluster.kubeflow.export import export_pipeline
from goldenpath.cluster.pipeline_file import read_pipeline
from tests.helpers.fake_kubeflow import kubeflow
from tests.helpers.project import PROJECT

PAGE = (PROJECT / "docs" / "how-to" / "kubeflow.md").read_text()
# of papermill's imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")


@pytest.mark.slow
@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_the_script_for_ci_submits_waits_and_fails_with_the_run(tmp_path: Path, state: str, code: int):
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    export_pipeline(
        read_pipeline(PROJECT / "pipelines" / "train.pipeline"), PROJECT, tmp_path / "train.yaml", {}
    )
    with kubeflow(state) as api:
        environ = os.environ | {"KFP_API": api.url, "KFP_TOKEN": "secret"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == code, done.stderr
    assert ("POST", "/apis/v2beta1/runs") in api.asked
    assert "Bearer secret" in api.tokens
    assert code == 0 or "AssertionError: FAILED" in done.stderr
