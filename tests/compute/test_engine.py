"""A function over partitions: the results in order, few at a time, lost workers replaced, nothing left."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from goldenpath.compute.engine import ATTEMPTS, IN_FLIGHT, Compute
from goldenpath.compute.local import LocalCompute
from goldenpath.compute.opening import open_compute
from goldenpath.compute.ray_cluster import RAY_VARIABLES, _connect, require_same, versions_here
from goldenpath.errors import BadInput, WorkersLost
from goldenpath.settings import load_settings
from tests.helpers.patience import wait_until
from tests.helpers.project import PROJECT

HERE, PROCESSES = LocalCompute(1), LocalCompute(2)
slow_processes = pytest.param(PROCESSES, id="processes", marks=pytest.mark.slow)
each_engine = pytest.mark.parametrize("compute", [pytest.param(HERE, id="here"), slow_processes])


def squared(number: int) -> int:
    return number * number


def odd_fails(number: int) -> int:
    if number % 2:
        raise BadInput(f"{number} is odd")
    return number


def hungry(number: int) -> int:
    if number == 3:
        raise MemoryError
    return number


def begun_in(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return number


def dies_once(folder: Path, number: int) -> int:
    "Kill this process at the first attempt at 2."
    if number == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_always(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleeps(folder: Path, number: int) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(600)


@pytest.mark.parametrize("compute", [HERE, PROCESSES], ids=["here", "processes"])
def test_results_come_in_the_order_of_the_partitions(compute: Compute) -> None:
    progress: list[tuple[int, int]] = []
    results = compute.map(squared, range(9), progress=lambda done, total: progress.append((done, total)))
    assert list(results) == [number * number for number in range(9)]
    assert progress == [(done, 9) for done in range(1, 10)]


@each_engine
def test_an_error_is_raised_in_its_turn(compute: Compute) -> None:
    results = compute.map(odd_fails, [0, 2, 4, 5, 6, 7])
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    with pytest.raises(BadInput, match="5 is odd"):
        next(results)


@each_engine
def test_memory_that_runs_out_is_one_line_with_partition_and_way_out(compute: Compute) -> None:
    with pytest.raises(WorkersLost, match=r"part 3 failed.*: the memory of its process ran out; take a"):
        list(compute.map(hungry, range(5), name="part {}".format, tell=lambda line: None))


@pytest.mark.slow
def test_no_more_partitions_begin_than_memory_is_meant_for(tmp_path: Path) -> None:
    results = LocalCompute(2).map(partial(begun_in, tmp_path), range(40))
    assert next(results) == 0
    time.sleep(0.3)  # what wrongly begins would begin now
    assert len(list(tmp_path.iterdir())) <= 1 + 2 * IN_FLIGHT
    assert list(results) == [*range(1, 40)]


@pytest.mark.slow
def test_a_partition_whose_process_is_killed_is_done_again_and_said() -> None:
    lines: list[str] = []
    with pytest.raises(WorkersLost, match=f"part 2 failed {ATTEMPTS} times: its process was killed"):
        list(LocalCompute(2).map(dies_always, range(6), name="part {}".format, tell=lines.append))
    assert any(line.startswith("part 2 is done again: its process was killed") for line in lines)


@pytest.mark.slow
def test_the_others_are_finished_after_a_process_was_killed(tmp_path: Path) -> None:
    results = LocalCompute(2).map(partial(dies_once, tmp_path), range(8), tell=lambda line: None)
    assert list(results) == [*range(8)]


@pytest.mark.slow
def test_what_is_not_done_in_time_is_ended_and_leaves_no_process(tmp_path: Path) -> None:
    until = time.monotonic() + 3
    assert list(LocalCompute(2).as_done(partial(sleeps, tmp_path), range(3), until=until)) == []
    workers = [int(file.name) for file in tmp_path.iterdir()]
    wait_until(lambda: not any(map(psutil.pid_exists, workers)))


@pytest.mark.slow
def test_processes_end_with_one_that_is_killed_outright(tmp_path: Path) -> None:
    code = f"""
from functools import partial
from pathlib import Path
from goldenpath.compute.local import LocalCompute
from tests.compute.test_engine import sleeps
list(LocalCompute(2).map(partial(sleeps, Path({str(tmp_path)!r})), range(2)))
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT) as process:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        process.kill()
    workers = [int(file.name) for file in tmp_path.iterdir()]
    wait_until(lambda: not any(map(psutil.pid_exists, workers)))


def test_without_a_setting_the_engine_is_this_machine() -> None:
    with open_compute(load_settings(PROJECT / "settings.ini", {})) as compute:
        assert list(compute.map(squared, [3])) == [9]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")
def test_ray_that_is_not_installed_is_one_line_with_the_way_out() -> None:
    settings = load_settings(PROJECT / "settings.ini", {"GOLDENPATH_COMPUTE": "ray"})
    with pytest.raises(
        BadInput, match=r"needs the extra `ray` .*pip install -e '\.\[ray\]'.*compute = local"
    ):
        open_compute(settings).__enter__()


def test_a_cluster_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise Exception("The current node timed out during startup.\nIt may be busy.")  # as Ray 2.55 does

    for name, value in RAY_VARIABLES.items():
        monkeypatch.setenv(name, value)
    ray = SimpleNamespace(init=init, _private=SimpleNamespace(worker=SimpleNamespace()))
    with pytest.raises(
        BadInput, match=r"the Ray cluster at 'local' cannot be used: The current .* be busy\.$"
    ):
        _connect(ray, "local")


@pytest.mark.parametrize("name", ["Python", "ray", "goldenpath"])
def test_a_worker_of_another_version_is_named_with_both(name: str) -> None:
    ours = versions_here()
    require_same(ours, dict(ours), "10.0.0.7")
    with pytest.raises(BadInput, match=f"Ray node 10.0.0.7 has {name} 0.1, this process has {ours[name]}: "):
        require_same(ours, {**ours, name: "0.1"}, "10.0.0.7")
