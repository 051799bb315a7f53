"""The count of reloads: every assignment once, and every problem when it appears."""

import pytest

from goldenpath.rails.registry import Roles
from serving.metrics import FOLDER, Metrics
from serving.models import Live

RESULTS = ("loaded", "refused")


def test_a_problem_counts_when_it_appears_and_not_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    metrics = Metrics()

    def counted(number: int, *problems: str) -> tuple[int, int]:
        metrics.hold(Live(Roles(number=number), problems=problems))
        found = [
            metrics.registry.get_sample_value("goldenpath_reloads_total", {"result": one}) for one in RESULTS
        ]
        loaded, refused = (int(value or 0) for value in found)
        return loaded, refused

    assert counted(1) == (1, 0)
    assert counted(1, "the volume is away") == (1, 1)
    assert counted(1, "the volume is away") == (1, 1)
    assert counted(1) == (1, 1)
    assert counted(2) == (2, 1)
    assert counted(3, "3 cannot answer") == (2, 2)
    assert metrics.registry.get_sample_value("goldenpath_problems") == 1
