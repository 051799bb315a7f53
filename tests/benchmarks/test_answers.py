"""The benchmark of one answer asks the candidates that 04_model has, compiled."""

import pytest

from benchmarks.answers import drawn, engines, outcomes
from goldenpath.inference.engines import Engine
from goldenpath.inference.proof import single_rows


@pytest.fixture(scope="module")
def opened() -> dict[tuple[str, str], tuple[int, Engine]]:
    return {(task, name): (trees, engine) for task, name, trees, engine in engines(drawn(300))}


@pytest.mark.slow
def test_every_candidate_of_every_task_is_asked_in_its_compiled_form(opened) -> None:
    assert {engine.name for (_, name), (_, engine) in opened.items() if "scikit-learn" not in name} == {
        "onnx"
    }
    assert [trees for (_, name), (trees, _) in opened.items() if name == "boosting"] == [100, 300, 100]
    assert [trees for (_, name), (trees, _) in opened.items() if name == "forest"] == [100, 100, 100]
    columns = drawn(5)
    for _, engine in opened.values():
        [first, *_] = single_rows(columns, engine.layout, 5)
        assert engine.one(*first) == pytest.approx(engine.many(columns)[0], abs=1e-5)


def test_outcomes_are_of_the_task() -> None:
    columns = drawn(300)
    assert set(outcomes(columns, "binary")) == {0, 1}
    assert set(outcomes(columns, "classes")) == {0, 1, 2}
    assert len(set(outcomes(columns, "quantity"))) == 300
