"""On a real Ray cluster, whose nodes are processes: the same version, and nothing lost with a node."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from goldenpath.measure.environments import ray_python
from goldenpath.steps.stand_in import draw_stand_in
from tests.helpers.jupyterlab import copy_of_project
from tests.helpers.manifests import OPENSHIFT
from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # the environment is made the first time
ROWS = 4_000
NODES = 3  # of one core each; two of them are lost on the way
TRIALS = ("same", "other_version", "hungry", "fits_killed", "files_killed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Rows, some of which break the contract, have too few cells, or are blank lines."
    folder = tmp_path_factory.mktemp("ray")
    frame = draw_stand_in(ROWS, (1, 2)).astype(str)
    frame.iloc[[777, 2_000, ROWS - 1], 5] = "Broken"
    lines = frame.to_csv(index=False).splitlines(keepends=True)
    lines[2_345:2_345], lines[300:300] = ["too,few\n"], ["\n"]
    (folder / "rows.csv").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def environ() -> Iterator[dict[str, str]]:
    "Start a cluster; these variables lead to it."
    environ = {**os.environ, "PYTHONPATH": str(PROJECT), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [ray_python(PROJECT), "-m", "goldenpath.compute.ray_nodes", str(NODES)]
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT
    ) as nodes:  # which end with their input
        assert nodes.stdout
        address = next(line for line in nodes.stdout if re.fullmatch(r"[\d.]+:\d+\n", line))
        yield {**environ, "RAY_ADDRESS": address.strip()}


@pytest.fixture(scope="module")
def answers(environ: dict[str, str], folder: Path) -> dict[str, Any]:
    "Try everything in one process that is connected to the cluster."
    command = [ray_python(PROJECT), "-m", "tests.helpers.ray_trials", str(folder), *TRIALS]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_is_the_same_wherever_its_rows_are_read_and_its_candidates_fitted(
    answers: dict[str, Any],
) -> None:
    here, there = answers["same"]["local"], answers["same"]["ray"]
    assert here["rows"]["rejected"] == 3  # the other broken row has no known outcome
    for part, value in here.items():
        assert there[part] == value, part


def test_a_node_that_is_lost_while_candidates_are_fitted_costs_no_fit(answers: dict[str, Any]) -> None:
    killed = answers["fits_killed"]
    assert (killed["fits"], killed["equal"]) == (8, [True] * 3)
    assert any(re.match(r"deadly on .* is done again: its ", line) for line in killed["lines"])


def test_a_node_that_is_lost_among_files_costs_no_file_and_a_thousand_partitions_come_in_order(
    answers: dict[str, Any],
) -> None:
    killed = answers["files_killed"]
    assert killed["killed"] == [n * n for n in range(8)]
    assert killed["many"]
    assert any(line.startswith("file 3 is done again: its ") for line in killed["lines"])


def test_a_worker_without_memory_is_one_line_with_partition_and_way_out(answers: dict[str, Any]) -> None:
    line = "file 3 failed 3 times: the memory of its process ran out; give the workers more memory"
    assert answers["hungry"]["fault"].startswith(line)


def test_a_worker_with_another_version_is_refused_before_any_work(answers: dict[str, Any]) -> None:
    pattern = (
        r"Ray node \S+ has pandas \S+, this process has 0\.1: start workers and driver from the same image"
    )
    assert re.fullmatch(pattern, answers["other_version"]["fault"])


def test_ctrl_c_leaves_no_worker_at_work(environ: dict[str, str], folder: Path) -> None:
    command = [ray_python(PROJECT), "-m", "tests.helpers.ray_trials", str(folder), "endless"]
    driver = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, cwd=PROJECT)
    try:
        wait_until(lambda: list(folder.glob("working-*")) or driver.poll() is not None)
        driver.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in driver.communicate(timeout=LONG)[1]
    finally:
        driver.kill()
        driver.wait()
    workers = [int(file.name.removeprefix("working-")) for file in folder.glob("working-*")]
    assert workers
    wait_until(lambda: not any(map(psutil.pid_exists, workers)))


def test_the_command_of_the_job_on_the_cluster_trains_on_it(
    environ: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    (job,) = yaml.safe_load_all((OPENSHIFT / "components" / "ray" / "ray.yaml").read_text())
    project = copy_of_project(tmp_path / "project")
    settings = {
        "GOLDENPATH_SOURCE": str(folder / "rows.csv"),
        "GOLDENPATH_BOOTSTRAP": "20",
        "GOLDENPATH_CANDIDATES": "linear",
        "PYTHONPATH": str(project),
        "PATH": f"{ray_python(PROJECT).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = job["spec"]["entrypoint"] + " --without 09_contrast"
    done = subprocess.run(
        command.split(), cwd=tmp_path, env={**environ, **settings}, capture_output=True, text=True
    )
    assert done.returncode in (0, 3), done.stdout[-2_000:] + done.stderr[-2_000:]
    (log,) = (project / "volume" / "runs").glob("*/notebooks/02_data.ipynb")
    assert "rows.csv on the workers, in 1 part" in log.read_text()
