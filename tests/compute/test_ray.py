"""On a real Ray cluster, whose nodes are processes: the same version and scores, also if nodes are lost."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
FILES = 7
NODES = 4  # of one core each; three of them are lost on the way
STOPS = (  # the worker that lingers, by its mark, and what stops the driver then
    ("data-lingers", signal.SIGINT),
    ("batch-lingers", signal.SIGINT),
    ("last-lingers", signal.SIGKILL),
)
TRIALS = ("same", "batches", "other_version", "hungry", "many")


class Ended(NamedTuple):
    answers: dict[str, Any]
    out: str
    err: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, published: Path) -> Path:
    "Rows, some of which break the contract, have too few cells, or are blank lines; also in several files."
    folder = tmp_path_factory.mktemp("ray")
    frame = draw_stand_in(ROWS, (1, 2)).astype(str)
    frame.iloc[[777, 2_000, ROWS - 1], 5] = "Broken"
    lines = frame.to_csv(index=False).splitlines(keepends=True)
    lines[2_345:2_345], lines[300:300] = ["too,few\n"], ["\n"]
    (folder / "rows.csv").write_text("".join(lines))
    (folder / "files").mkdir()
    for number in range(FILES):
        (folder / "files" / f"{number}.csv").write_text("".join([lines[0], *lines[1 + number :: FILES]]))
    shutil.copytree(published, folder / "home")
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


def trials(folder: Path, *names: str) -> list[str]:
    return [str(ray_python(PROJECT)), "-m", "tests.helpers.ray_trials", str(folder), *names]


@pytest.fixture(scope="module")
def stopped(environ: dict[str, str], folder: Path) -> str:
    "Stop a data step and two batches, one after the other, while a worker lingers; return what was said."
    driver = subprocess.Popen(
        trials(folder, "lingering"), env=environ, stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        for name, sign in STOPS:
            mark = folder / name
            wait_until(
                lambda mark=mark: driver.poll() is not None or (mark.exists() and mark.read_text()[-1:])
            )
            if driver.poll() is None:
                driver.send_signal(sign)
        return driver.communicate(timeout=LONG)[1]
    finally:
        driver.kill()
        driver.wait()


@pytest.fixture(scope="module")
def ended(environ: dict[str, str], folder: Path, stopped: str) -> Ended:
    "Try everything else in one process that is connected to the cluster."
    done = subprocess.run(trials(folder, *TRIALS), env=environ, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return Ended(json.loads(done.stdout.splitlines()[-1]), done.stdout, done.stderr)


@pytest.mark.parametrize("name", [name for name, _ in STOPS])
def test_a_driver_that_is_stopped_leaves_no_worker_at_work(name: str, stopped: str, folder: Path) -> None:
    assert (folder / name).exists(), stopped
    wait_until(lambda: not psutil.pid_exists(int((folder / name).read_text())))


def test_the_version_is_the_same_although_a_node_was_lost_in_each_step(ended: Ended) -> None:
    here, there = ended.answers["same"]["local"], ended.answers["same"]["ray"]
    assert here["rows"]["rejected"] == 3  # the other broken row has no known outcome
    for part, value in here.items():
        assert there[part] == value, part
    for name in (r"rows\.csv, bytes [\d,]+ to [\d,]+", r"(linear|boosting) on fold 1"):
        assert re.search(rf"^{name} is done again: its (node was lost|process was killed)", ended.out, re.M)


def test_outputs_receipts_and_counts_of_a_batch_are_the_same_although_a_node_was_lost(ended: Ended) -> None:
    here, there = ended.answers["batches"]["here"], ended.answers["batches"]["there"]
    assert len(here["files"]) == 2 * FILES
    for part, value in here.items():
        assert there[part] == value, part
    assert re.search(r"files/3\.csv is done again: its ", ended.err)


def test_a_batch_whose_driver_was_killed_continues_with_what_is_missing(ended: Ended) -> None:
    here, again = ended.answers["batches"]["here"], ended.answers["batches"]["again"]
    assert 0 < again.pop("files_before") < FILES
    assert again == {part: here[part] for part in again}


def test_a_thousand_partitions_come_in_order_through_little_memory(ended: Ended) -> None:
    many = ended.answers["many"]
    assert many["right"]
    assert many["grown"] < many["all"] / 3


def test_a_worker_without_memory_is_one_line_with_partition_and_way_out(ended: Ended) -> None:
    line = "file 3 failed 3 times: the memory of its process ran out; give the workers more memory"
    assert ended.answers["hungry"]["fault"].startswith(line)


def test_a_worker_with_another_version_is_refused_before_any_work(ended: Ended) -> None:
    pattern = (
        r"Ray node \S+ has pandas \S+, this process has 0\.1: start workers and driver from the same image"
    )
    assert re.fullmatch(pattern, ended.answers["other_version"]["fault"])


def test_ray_itself_writes_nothing_among_our_lines(ended: Ended, stopped: str) -> None:
    for text in (ended.out.rpartition("\n\n")[0], ended.err, stopped):
        assert not re.search(r"raylet|plasma|core_worker|Warning|ray\.io", text), text[-3_000:]


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
    command = job["spec"]["entrypoint"] + " --until 05_train"
    done = subprocess.run(
        command.split(), cwd=tmp_path, env={**environ, **settings}, capture_output=True, text=True
    )
    assert done.returncode in (0, 3), done.stdout[-2_000:] + done.stderr[-2_000:]
    (log,) = (project / "volume" / "runs").glob("*/notebooks/02_data.ipynb")
    assert "rows.csv on the workers, in 1 part" in log.read_text()
