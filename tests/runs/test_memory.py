"""Memory is planned before it is taken; a message names the way out."""

from pathlib import Path
from typing import Any, Literal

import pytest

from goldenpath.errors import BadInput
from goldenpath.measure.machine import memory
from goldenpath.model import build_pipeline
from goldenpath.records import Layout
from goldenpath.runs.memory import (
    bytes_of_fit,
    plan_memory,
    refuse_too_many_rows,
    room_of,
)
from goldenpath.schema.contract import Binary, Contract, Record
from goldenpath.settings import Settings

GB = 10**9


class Visit(Record):
    "Two numbers and a text of three levels."

    ward: Literal["north", "south", "west"]
    age: float
    pulse: float


SPEC = Contract(Visit, Binary("y", positive="yes", negative="no")).spec
LAYOUT = Layout(text=("ward",), number=("age", "pulse"))


class Ward(Record):
    "Levels alone."

    ward: Literal["north", "south", "west"]


LEVELS = Contract(Ward, Binary("y", positive="yes", negative="no")).spec


def pipelines() -> dict[str, Any]:
    return {name: build_pipeline(LAYOUT, 0, "binary", name) for name in ("linear", "boosting")}


def test_what_fits_or_is_little_is_fitted_on_all_cores() -> None:
    refuse_too_many_rows(1_000, SPEC, LAYOUT, GB // 10)
    for room in (None, 8 * GB, GB // 10):
        plan = plan_memory(pipelines(), 1_000, SPEC, LAYOUT, room, cores=2)
        assert (list(plan.pipelines), plan.too_large, plan.processes) == (["linear", "boosting"], {}, 0)


def test_fewer_processes_fit_at_a_time_before_a_candidate_is_left_out() -> None:
    plan = plan_memory(pipelines(), 10_000_000, SPEC, LAYOUT, 7 * GB, cores=8)
    assert plan.processes == 2
    assert plan.too_large == {}


def test_a_candidate_that_does_not_fit_says_what_would() -> None:
    plan = plan_memory(pipelines(), 10_000_000, SPEC, LAYOUT, int(3.5 * GB), cores=2)
    assert list(plan.pipelines) == ["linear"]
    reason = plan.too_large["boosting"]
    assert reason.startswith("not fitted: it would take about 3.3 GB of memory, of 3.5 GB: set train_rows to")
    assert "a pod with" in reason
    assert "other candidates" in reason


def test_too_many_rows_are_refused_before_they_are_read() -> None:
    with pytest.raises(BadInput, match=r"training on 50,000,000 rows of 3 columns would take about .* GB"):
        refuse_too_many_rows(50_000_000, SPEC, LAYOUT, 4 * GB)
    refuse_too_many_rows(
        40_000_000, LEVELS, Layout(text=("ward",), number=()), 4 * GB
    )  # equal rows are put together
    refuse_too_many_rows(50_000_000, SPEC, LAYOUT, None)


def test_a_cluster_has_memory_of_its_own() -> None:
    assert room_of(Settings(compute="ray")) is None
    assert room_of(Settings()) == memory() or room_of(Settings()) is not None


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("sys/fs/cgroup/memory.max", "2147483648", 2**31),
        ("sys/fs/cgroup/memory.max", "max", 8 * 2**30),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824", 2**30),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712", 8 * 2**30),
    ],
)
def test_limits_of_control_groups_count(file: str, content: str, expected: int, tmp_path: Path) -> None:
    for name, text in {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 8388608 kB\n", file: content}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory(tmp_path) == expected


def test_without_a_word_from_the_system_nothing_is_known(tmp_path: Path) -> None:
    assert memory(tmp_path) is None


def test_numbers_take_less_if_they_are_many_and_boosting_needs_no_copy() -> None:
    layout = Layout(text=(), number=tuple(f"number {place}" for place in range(30)))
    fits = {name: build_pipeline(layout, 0, "binary", name) for name in ("linear", "boosting", "forest")}
    rows = 10_000_000
    linear, boosted, forest = (bytes_of_fit(fits[name], rows, SPEC, layout) for name in fits)
    assert linear == boosted == forest - rows * 30 * 4
    plan = plan_memory(fits, rows, SPEC, layout, 8 * 2**30, cores=2)
    assert (list(plan.pipelines), plan.processes) == (["linear", "boosting"], 1)
    assert plan.too_large["forest"].startswith("not fitted: it would take about 7.9 GB of memory, of 8.6 GB")
    fits["boosting"].set_params(estimator__random_state=None)  # rows that it draws by itself are copied
    assert bytes_of_fit(fits["boosting"], rows, SPEC, layout) == boosted + rows * 30 * 8
