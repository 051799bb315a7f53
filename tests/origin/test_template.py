"""The software template of Backstage, rendered and checked with its own packages, and GitHub's first day."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenpath.origin.history import is_checkout, tracked_files
from goldenpath.origin.ownership import is_kept
from goldenpath.settings import load_settings
from serving.describe import api_description
from serving.worker import make_app
from tests.helpers.begun_projects import FEW, lend_environment, outside
from tests.helpers.node_packages import node_package, packed_file
from tests.helpers.project import PROJECT
from tests.helpers.requirements import needs

TEMPLATE = PROJECT / "template" / "template.yaml"
VALUES = {"name": "leaving", "description": "Who leaves: 10% of callers", "owner": "group:default/churn"}
CATALOG_MODEL = ("@backstage/catalog-model", "1.10.3")
SCAFFOLDER = ("@backstage/plugin-scaffolder-common", "2.4.0")
SCHEMA = "dist/Template.v1beta3.schema.json.cjs.js"


def backstage(verb: str, given: Any) -> Any:
    "Let Backstage's own packages render files or check entities; its complaint is in the failure."
    needs("npm", shutil.which("npm") is not None, "npm is not installed")
    packages = [
        node_package("nunjucks", "3.2.4"),
        node_package(*CATALOG_MODEL),
        packed_file(*SCAFFOLDER, SCHEMA),
    ]
    command = ["node", str(PROJECT / "tests/helpers/backstage.cjs"), verb, *map(str, packages)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def entities(*files: Path) -> list[dict[str, Any]]:
    "Read the entities of catalogue files, with `$text` in place as Backstage puts it there."
    documents = [
        (file, document) for file in files for document in yaml.safe_load_all(file.read_text("utf-8"))
    ]
    for file, document in documents:
        definition = document["spec"].get("definition")
        if isinstance(definition, dict):
            document["spec"]["definition"] = (file.parent / definition["$text"]).read_text("utf-8")
    return [document for _, document in documents]


def steps() -> dict[str, dict[str, Any]]:
    "Return what each step of the template is given."
    return {
        step["action"]: step["input"] for step in yaml.safe_load(TEMPLATE.read_text("utf-8"))["spec"]["steps"]
    }


def rendered(folder: Path) -> Path:
    "Do what the template's steps do before the repository is published."
    given = steps()
    copied = (TEMPLATE.parent / given["fetch:plain"]["url"]).resolve()
    for path in tracked_files(copied):
        if (copied / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(copied / path, folder / path, follow_symlinks=False)
    skeleton = TEMPLATE.parent / given["fetch:template"]["url"]
    files = {path.name: path.read_text("utf-8") for path in skeleton.iterdir()}
    for name, text in backstage("render", {"files": files, "values": {"values": VALUES}}).items():
        (folder / name).write_text(text, "utf-8")
    for path in given["fs:delete"]["files"]:
        shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not is_checkout(PROJECT):
        pytest.skip("this is not a git checkout")
    return rendered(tmp_path_factory.mktemp("rendered"))


@pytest.mark.slow  # npm installs packages
def test_template_and_catalogue_are_valid_by_backstages_own_schemas():
    parts = entities(PROJECT / "catalog-info.yaml", TEMPLATE)
    assert backstage("check", parts) == ["Component", "API", "Template"]
    for part, key in zip(parts, ("owner", "definition", "steps"), strict=True):
        lacking = {**part, "spec": {name: value for name, value in part["spec"].items() if name != key}}
        with pytest.raises(AssertionError, match=key):
            backstage("check", [lacking])


@pytest.mark.slow
def test_a_rendered_project_has_the_given_values_and_nothing_of_the_template(project: Path):
    component, api = entities(project / "catalog-info.yaml")
    assert backstage("check", [component, api]) == ["Component", "API"]
    assert (component["metadata"]["name"], api["metadata"]["name"]) == ("leaving", "leaving")
    assert component["metadata"]["description"] == VALUES["description"]
    assert component["spec"]["providesApis"] == ["leaving"]
    assert {component["spec"]["owner"], api["spec"]["owner"]} == {VALUES["owner"]}
    assert load_settings(project / "settings.ini", environ={}).model == "leaving"
    left = [path for path in project.rglob("*") if is_kept(str(path.relative_to(project))) and path.is_file()]
    assert left == []
    for path in (PROJECT / "notebooks").glob("*.ipynb"):
        assert (project / "notebooks" / path.name).read_bytes() == path.read_bytes()


def test_values_go_into_no_other_file_than_those_of_the_skeleton():
    assert {path.name for path in (PROJECT / "template/skeleton").iterdir()} == {
        "settings.ini",
        "catalog-info.yaml",
    }
    assert set(steps()["fetch:template"]["values"]) == set(VALUES)


def test_the_committed_description_of_the_api_is_what_a_server_answers(tmp_path: Path):
    settings = load_settings(environ={"GOLDENPATH_HOME": str(tmp_path), "GOLDENPATH_FEEDBACK": "off"})
    app = make_app(settings.changed(poll_seconds=0), lambda: False)
    committed = (PROJECT / "docs/openapi.json").read_text("utf-8")
    assert json.loads(committed) == app.test_client().get("/openapi.json").get_json(), "run `make fix`"
    assert committed == api_description()


def test_techdocs_make_a_site_of_the_docs_folder():
    site = yaml.safe_load((PROJECT / "mkdocs.yml").read_text("utf-8"))
    component, _ = entities(PROJECT / "catalog-info.yaml")
    assert component["metadata"]["annotations"]["backstage.io/techdocs-ref"] == "dir:."
    assert site["plugins"] == ["techdocs-core"]
    assert (PROJECT / site["docs_dir"] / "index.md").is_file()


def test_the_first_day_of_a_copied_repository_cleans_up(tmp_path: Path):
    paths = [".ci/run", "settings.ini", "catalog-info.yaml", "mkdocs.yml", "template/first_day.py"]
    paths += [str(path.relative_to(PROJECT)) for path in (PROJECT / "goldenpath/origin").glob("*.*")]
    paths += ["goldenpath/__init__.py", "goldenpath/errors.py", ".github/workflows/first-day.yml"]
    folder = tmp_path / "My_Leaving"
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / path, folder / path)
    for words in (("init", "-q"), ("add", "-A")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    command = [
        sys.executable,
        "-S",
        "-E",
        "template/first_day.py",
        "--name",
        "My_Leaving",
    ]  # without any package
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert not any((folder / name).exists() for name in (".ci", "template", ".github"))
    assert "model = my-leaving" in (folder / "settings.ini").read_text()
    assert "  providesApis: [my-leaving]" in (folder / "catalog-info.yaml").read_text()
    assert "site_name: my-leaving" in (folder / "mkdocs.yml").read_text()
    assert "mkdocs.yml" in json.loads((folder / ".goldenpath/origin.json").read_text())["files"]


def test_the_workflow_of_the_first_day_runs_the_script_once():
    workflow = yaml.safe_load((PROJECT / ".github/workflows/first-day.yml").read_text("utf-8"))
    [job] = workflow["jobs"].values()
    assert "github.run_number == 1" in job["if"]
    assert any("template/first_day.py" in step.get("run", "") for step in job["steps"])


@pytest.mark.slow(seconds=25)
def test_a_rendered_project_runs(project: Path):
    lend_environment(project)
    command = [".venv/bin/goldenpath", "run", "--without", "03_explore", "--without", "09_contrast"]
    done = subprocess.run(command, cwd=project, env=outside() | FEW, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    assert (project / "volume/models/leaving/versions").is_dir()
