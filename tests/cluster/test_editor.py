"""Elyra's editor in JupyterLab, in a real browser, on every pipeline file; and what `make lab` promises."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.cluster.pipeline_file import read_pipeline
from tests.helpers.browser import browser_page
from tests.helpers.jupyterlab import Lab, commit_all, copy_of_project, running_lab
from tests.helpers.patience import wait_until
from tests.helpers.project import PROJECT

PIPELINES = sorted(path.name for path in (PROJECT / "pipelines").glob("*.pipeline"))
SMALL = {
    "GOLDENPATH_SOURCE": "synthetic",
    "GOLDENPATH_SYNTHETIC_ROWS": "4000",
    "GOLDENPATH_GROWTH_SECONDS": "0",
    "GOLDENPATH_BOOTSTRAP": "20",
    "GOLDENPATH_CANDIDATES": "linear",
    "GOLDENPATH_GATE_FLOORS": "roc_auc>=0.5",
}
# The document in front; JupyterLab keeps the others in the page.
FRONT = ".jp-Document:not(.lm-mod-hidden)"
LOOK = f"""() => {{
    const front = document.querySelector({FRONT!r});
    const all = (what) => [...front.querySelectorAll(what)];
    return {{
        labels: all('.d3-node-label').map((label) => label.textContent.trim()).sort(),
        links: all('.d3-link-group').length,
        marks: all('.d3-node-dec-group').length,
        runtime: front.textContent.includes('Runtime: Generic'),
    }};
}}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    project = copy_of_project(folder / "my project")
    break_one(project / "pipelines")
    write_wrong(project / "notebooks")
    commit_all(project)
    with running_lab(project, folder / "own", **SMALL) as found:
        yield found


def break_one(folder: Path) -> None:
    "Return a pipeline with a node that no image runs, to see that the editor marks it."
    document = json.loads((folder / "train.pipeline").read_text())
    primary = document["pipelines"][0]
    primary["app_data"]["properties"]["pipeline_defaults"].pop("runtime_image")
    primary["nodes"][0]["app_data"]["component_parameters"]["runtime_image"] = ""
    (folder / "broken.pipeline").write_text(json.dumps(document))


def write_wrong(folder: Path) -> None:
    "Copy the training notebook under another name, with a first cell that names a missing thing."
    notebook = json.loads((folder / "05_train.ipynb").read_text())
    notebook["cells"][0]["source"] = "#| default_exp steps.wrong"
    wrong = {"cell_type": "code", "id": "wrong", "metadata": {}, "outputs": [], "execution_count": None}
    notebook["cells"].insert(1, wrong | {"source": "no_such_name"})
    (folder / "11_wrong.ipynb").write_text(json.dumps(notebook, indent=1) + "\n")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with browser_page(browser, 1600, 1000) as page:
        yield page


@pytest.fixture(scope="module")
def launcher(browser: Any, lab: Lab) -> Iterator[Any]:
    "Yield a page of JupyterLab with nothing opened."
    with browser_page(browser) as page:
        page.goto(f"{lab.url}/lab?reset")
        page.wait_for_selector(".jp-Launcher")
        yield page


def open_pipeline(page: Any, lab: Lab, name: str) -> None:
    page.goto(f"{lab.url}/lab/tree/pipelines/{name}?reset")
    page.wait_for_selector(f"{FRONT} .d3-node-group")
    page.wait_for_timeout(1_500)  # marks come after the nodes


@pytest.mark.parametrize("name", PIPELINES)
def test_the_editor_draws_every_node_and_link_marks_none_and_saves_what_was_there(page, lab, name):
    page.set_viewport_size({"width": 1900, "height": 1000})
    file = lab.project / "pipelines" / name
    before = file.read_bytes()
    open_pipeline(page, lab, name)
    graph = read_pipeline(PROJECT / "pipelines" / name)
    seen = page.evaluate(LOOK)
    assert seen["labels"] == sorted(node.label for node in graph.nodes)
    assert seen["links"] == sum(len(node.after) for node in graph.nodes)
    assert seen["marks"] == 0
    assert seen["runtime"]
    assert page.get_by_text("official Jupyter news").count() == 0  # nobody is asked
    # a node first: with none, the panel shows the pipeline's own values, which Elyra writes in any order
    page.locator(f"{FRONT} .d3-node-group").first.click()
    page.locator("button[aria-label='Open Panel']").click()
    for label in seen["labels"]:
        page.locator(f"{FRONT} .d3-node-group", has_text=label).first.click(position={"x": 70, "y": 10})
        page.wait_for_function(
            "label => document.querySelector('input#root_label')?.value === label", arg=label
        )
    with page.expect_response(lambda reply: reply.request.method == "PUT" and name in reply.url):
        page.locator("button[aria-label='Save Pipeline']").click()
    assert file.read_bytes() == before


def test_a_node_that_is_not_right_would_be_marked(page, lab):
    open_pipeline(page, lab, "broken.pipeline")
    wait_until(lambda: page.evaluate(LOOK)["marks"] == 1)


def test_a_node_shows_its_properties_and_the_projects_images_are_offered(page, lab):
    open_pipeline(page, lab, "train.pipeline")
    page.locator(f"{FRONT} .d3-node-group", has_text="train").first.click()
    page.locator("button[aria-label='Open Panel']").click()
    image = page.locator("select#root_component_parameters_runtime_image")
    image.wait_for()
    node = next(
        n for n in read_pipeline(PROJECT / "pipelines" / "train.pipeline").nodes if n.label == "train"
    )
    assert page.locator("input#root_label").input_value() == "train"
    assert image.input_value() == node.parameters["runtime_image"]
    dependency = "input#root_component_parameters_dependencies_{}"
    wanted = node.parameters["dependencies"]
    shown = [page.locator(dependency.format(place)).input_value() for place in range(len(wanted))]
    assert shown == wanted
    offered = set(image.locator("option").all_inner_texts())
    for file in (PROJECT / "runtime-images").glob("*.json"):
        assert json.loads(file.read_text())["display_name"] in offered


def test_a_pipeline_that_the_editor_saves_is_the_same_graph_and_free_of_traps(page, lab):
    file = lab.project / "pipelines" / "batch.pipeline"
    before = read_pipeline(file)
    open_pipeline(page, lab, "batch.pipeline")
    page.locator(f"{FRONT} .d3-node-group").first.click()
    page.locator("button[aria-label='Open Panel']").click()
    label = page.locator("input#root_label")
    label.wait_for()
    label.fill("score")
    page.locator(f"{FRONT} .d3-node-group", has_text="score").wait_for()
    with page.expect_response(lambda reply: reply.request.method == "PUT" and "batch" in reply.url):
        page.locator("button[aria-label='Save Pipeline']").click()
    after = read_pipeline(file)
    assert [node.label for node in after.nodes] == ["score"]
    assert [node.parameters for node in after.nodes] == [node.parameters for node in before.nodes]
    assert check_pipeline(file) == []


def test_saving_a_notebook_leaves_it_clean_with_its_tags(page, lab):
    file = lab.project / "notebooks" / "05_train.ipynb"
    before = file.read_bytes()
    page.goto(f"{lab.url}/lab/tree/notebooks/05_train.ipynb?reset")
    page.wait_for_selector(f"{FRONT} .jp-Cell")
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle")
    stamp = file.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    wait_until(lambda: page.wait_for_timeout(200) or file.stat().st_mtime_ns != stamp)
    assert file.read_bytes() == before
    assert b'"parameters"' in before


def test_an_opened_notebook_is_not_dirty_and_only_what_is_wrong_is_underlined(page, lab):
    page.goto(f"{lab.url}/lab/tree/notebooks/11_wrong.ipynb?reset")
    underlined = page.locator(".cm-lintRange")
    underlined.first.wait_for()
    assert underlined.all_inner_texts() == ["no_such_name"]
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    assert page.locator(".jp-mod-dirty").count() == 0
    assert (lab.project / ".virtual_documents").is_dir()
    assert ".virtual_documents" not in git_status(lab.project)


# What JupyterLab sends when Ctrl+S is pressed, after a change of the first export cell.
SAVE = """async ([name, saved, line]) => {
    const folder = location.origin + '/api/contents/notebooks/';
    const {content} = await (await fetch(folder + name)).json();
    const cell = content.cells.find((cell) => cell.source.startsWith('#| export'));
    cell.source = cell.source.split('\\n# added')[0] + (line ? '\\n# added\\n' + line : '');
    content.cells.filter((cell) => cell.cell_type === 'code').forEach((cell) => {
        cell.outputs = [{output_type: 'stream', name: 'stdout', text: 'a row of somebody'}];
    });
    const token = document.cookie.match(/_xsrf=([^;]+)/)[1];
    const headers = {'Content-Type': 'application/json', 'X-XSRFToken': token};
    const body = JSON.stringify({type: 'notebook', format: 'json', content});
    return (await fetch(folder + saved, {method: 'PUT', headers, body})).status;
}"""
TOAST = ".Toastify__toast"


def save(page: Any, name: str, line: str = "", saved: str = "") -> None:
    "Save a notebook with outputs, and with a line added to its first export cell; `saved` is another name."
    assert page.evaluate(SAVE, [name, saved or name, line]) in (200, 201)


def test_saving_a_notebook_exports_its_module_or_shows_why_not_until_it_does(launcher, lab):
    module = lab.project / "goldenpath" / "model.py"
    save(launcher, "04_model.ipynb", "ADDED_IN_THE_LAB = 1")
    assert "ADDED_IN_THE_LAB = 1" in module.read_text()
    good = module.read_bytes()
    save(launcher, "04_model.ipynb", "def (")
    launcher.locator(TOAST).wait_for()
    assert "notebooks/04_model.ipynb is not exported: invalid syntax in `def (`" in launcher.inner_text(TOAST)
    assert module.read_bytes() == good  # what other notebooks import still works
    save(launcher, "04_model.ipynb", "ADDED_IN_THE_LAB = 2")
    launcher.locator(TOAST).wait_for(state="detached")
    assert "ADDED_IN_THE_LAB = 2" in module.read_text()


def test_saving_a_copy_of_a_notebook_exports_nothing_and_says_so(launcher, lab):
    module = lab.project / "goldenpath" / "steps" / "publish.py"
    before = module.read_bytes()
    save(launcher, "07_publish.ipynb", "ADDED = 1", saved="out.ipynb")
    launcher.locator(TOAST).wait_for()
    assert (
        "notebooks/out.ipynb holds export cells of steps.publish and is not exported"
        in launcher.inner_text(TOAST)
    )
    assert module.read_bytes() == before


def git_status(project: Path) -> list[str]:
    command = ["git", "status", "--porcelain"]
    done = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    return [line[3:] for line in done.stdout.splitlines()]


def test_git_calls_a_notebook_modified_only_if_more_than_its_outputs_changed(launcher, lab):
    name = "notebooks/08_predict.ipynb"
    save(launcher, "08_predict.ipynb")
    assert "a row of somebody" in (lab.project / name).read_text()
    wait_until(lambda: name not in git_status(lab.project))  # git is told after the reply
    save(launcher, "08_predict.ipynb", "ADDED = 1")
    assert name in git_status(lab.project)


def test_options_go_to_jupyterlab():
    command = ["make", "-n", "lab", "ARGS=--port 8889"]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "sh lab/start --port 8889"


def test_git_sees_no_outputs_of_a_notebook_that_was_run(tmp_path):
    for name in ("notebooks", "lab"):
        (tmp_path / name).mkdir()
    shutil.copy(PROJECT / "lab" / "clean_notebook.py", tmp_path / "lab")
    shutil.copy(PROJECT / ".gitattributes", tmp_path)
    file = tmp_path / "notebooks" / "05_train.ipynb"
    shutil.copy(PROJECT / "notebooks" / "05_train.ipynb", file)
    setting = next(line for line in (PROJECT / "lab" / "start").read_text().splitlines() if "filter." in line)
    script = f"git init -q && {setting} && git add . && git -c user.name=a -c user.email=a@b.c commit -qm one"
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    run = json.loads(file.read_text())
    for cell in run["cells"]:
        if cell["cell_type"] == "code":
            output = {"output_type": "stream", "name": "stdout", "text": "a row of somebody"}
            cell |= {"execution_count": 3, "outputs": [output]}
    run["metadata"]["language_info"] = {"name": "python", "version": sys.version.split()[0]}
    file.write_text(json.dumps(run))
    diff = subprocess.run(["git", "diff", "--stat"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert diff.stdout == ""


@pytest.mark.slow(seconds=50)
def test_pressing_run_with_the_local_runtime_runs_it_and_the_report_opens(page, tmp_path):
    project = copy_of_project(tmp_path / "my project")
    with running_lab(project, tmp_path / "own", **SMALL) as lab:
        open_pipeline(page, lab, "train.pipeline")
        page.locator("button[aria-label='Run Pipeline']").click()
        page.locator("select#runtime_platform").wait_for()
        assert page.locator("select#runtime_platform").input_value() == "__elyra_local__"
        page.locator(".jp-Dialog button", has_text="Ok").click()
        page.get_by_text("Job execution succeeded").first.wait_for(timeout=1_200_000)
        (report,) = (project / "volume" / "runs").glob("*/report.html")
        page.goto(f"{lab.url}/lab/tree/{os.path.relpath(report, project)}?reset")
        frame = page.frame_locator("iframe").first
        frame.get_by_text("synthetic stand-in").first.wait_for()
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/report-in-lab.png")
