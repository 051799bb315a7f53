"""The workflows for GitHub Actions: valid by the schema of their field, and of the project's own commands."""

import subprocess

import pytest
import yaml

from goldenpath.measure.environments import isolated_python
from tests.helpers.project import PROJECT

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def test_the_workflow_runs_make_test_and_may_write_nothing():
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "test.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.slow
def test_every_workflow_is_valid_by_the_published_schema():
    python = isolated_python("schemas", "check-jsonschema==0.37.4")
    check = [python, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*check, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    text = (PROJECT / ".github" / "workflows" / "test.yml").read_text().replace("runs-on:", "run-on:")
    done = subprocess.run([*check, "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode != 0
