"""`goldenpath debug --lab`: a failed step opens in JupyterLab, at the failing cell, with its run's inputs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from goldenpath.cluster.lab import OpenLab, find_lab, new_lab, page_in
from goldenpath.errors import BadInput
from goldenpath.programs import running
from tests.helpers.browser import browser_page
from tests.helpers.jupyterlab import copy_of_project, wait_for
from tests.helpers.patience import wait_until

RUN = "20261121T000000Z-abcdef"
DEBUG = (sys.executable, "-m", "goldenpath", "debug", "--lab")
INSIDE = """cell => {
    const at = cell.getBoundingClientRect();
    return at.top >= 0 && at.bottom <= innerHeight;
}"""
ACTIVE = ".jp-Document:not(.lm-mod-hidden) .jp-Cell.jp-mod-active"


def failed_run(project: Path) -> str:
    "Leave a run whose 05_train failed in its last cell with a text of its own; return that text."
    notebook = json.loads((project / "notebooks" / "05_train.ipynb").read_text())
    cell = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][-1]
    error = {"output_type": "error", "ename": "ValueError", "evalue": "too few", "traceback": []}
    cell |= {"outputs": [error], "execution_count": 9, "source": "too_few = 1"}
    file = project / "volume" / "runs" / RUN / "notebooks" / "05_train.ipynb"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(notebook))
    return "too_few = 1"


@pytest.fixture
def lab(tmp_path: Path) -> OpenLab:
    return OpenLab(
        pid=os.getpid(), url="http://127.0.0.1:8888/", base_url="/notebook/a/b/", root_dir=tmp_path
    )


def test_the_address_in_an_open_lab_ends_with_the_cell(lab: OpenLab, tmp_path: Path) -> None:
    copy = tmp_path / "my project" / "debug" / RUN / "05_train.ipynb"
    place = f"lab/tree/my%20project/debug/{RUN}/05_train.ipynb"
    assert page_in(lab, copy, "abc", {}) == f"http://127.0.0.1:8888/{place}#cell-id=abc"
    assert page_in(lab, copy, "", {}) == f"http://127.0.0.1:8888/{place}"


def test_in_a_workbench_the_address_begins_behind_its_host_name(lab: OpenLab, tmp_path: Path) -> None:
    page = page_in(lab, tmp_path / "a.ipynb", "abc", {"NB_PREFIX": "/notebook/a/b"})
    assert page == "/notebook/a/b/lab/tree/a.ipynb#cell-id=abc (after your workbench's host name)"


@pytest.mark.parametrize(("pid", "root", "shown"), [(0, "", True), (0, "other", False), (2**22, "", False)])
def test_a_lab_is_open_if_it_runs_and_shows_the_project(
    lab: OpenLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int, root: str, shown: bool
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    record = {**lab.model_dump(mode="json"), "pid": pid or lab.pid, "root_dir": str(tmp_path / root)}
    (tmp_path / "jpserver-0.json").write_text("{")
    (tmp_path / "jpserver-1.json").write_text(json.dumps({**record, "token": "of Jupyter"}))
    assert bool(find_lab(tmp_path / "project")) == shown


def test_without_jupyterlab_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenpath.cluster.lab.find_spec", lambda name: None)
    with pytest.raises(BadInput, match="JupyterLab is not installed here; `make lab` installs it"):
        find_lab(tmp_path)


def test_a_new_lab_gets_its_token_by_the_environment_alone(tmp_path: Path) -> None:
    program = new_lab(tmp_path, tmp_path / "a.ipynb", "abc", {})
    token = program.environ["JUPYTER_TOKEN"]
    assert program.url.endswith(f"/lab/tree/a.ipynb?token={token}#cell-id=abc")
    assert token not in " ".join(program.command)


@pytest.mark.slow
def test_a_new_lab_opens_at_the_failing_cell_and_is_found_by_the_next_call(
    browser: Any, tmp_path: Path
) -> None:
    project, log = copy_of_project(tmp_path / "my project"), tmp_path / "log"
    source = failed_run(project)
    own = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("DATA", "RUNTIME", "CONFIG")}
    environ = {**os.environ, **own, "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")}
    with log.open("wb") as output, running(DEBUG, project, environ, output) as process:
        wait_until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None)
        address = re.search(r"http://\S+", log.read_text())
        assert address, log.read_text()
        port = address[0].split("/")[2]
        wait_for(f"http://{port}/api", process, log)
        with browser_page(browser) as page:
            page.goto(address[0])
            active = page.locator(ACTIVE, has_text=source)
            wait_until(lambda: active.count() == 1 and active.evaluate(INSIDE))
            if shots := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{shots}/failing-cell.png")
        again = subprocess.run(DEBUG, cwd=project, env=environ, capture_output=True, text=True, check=True)
        assert f"http://{port}/lab/tree/debug/{RUN}/05_train.ipynb#cell-id=" in again.stdout
