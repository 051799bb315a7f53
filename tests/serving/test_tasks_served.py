"""A running server of classes and of an amount: its page in a browser, and clients that nobody here wrote."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.browser import browser_page
from tests.helpers.protocol_clients import asked_by
from tests.helpers.serving_program import Program, running
from tests.helpers.task_versions import TASKS, publish_task, task_project, task_records


@pytest.fixture(scope="module", params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(task: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp(task)
    (folder / "home").mkdir()
    publish_task(folder / "home", task)
    with running(folder / "home", project=task_project(folder / "project", task)) as program:
        yield program


def complete(task: str, n: int) -> list[dict[str, Any]]:
    "Return records without gaps: a typed tensor of these clients has no place for nothing."
    return [row for row in task_records(task, 10 * n) if None not in row.values()][:n]


def expected(batch: list[dict[str, Any]], name: str) -> list[Any]:
    "Return one part of all answers, as a tensor holds it."
    cells = [answer[name] for answer in batch]
    return [list(cell.values()) for cell in cells] if name == "probabilities" else cells


def test_tritons_client_gets_the_answers_of_predict(server: Program, task: str, tmp_path: Path) -> None:
    records = complete(task, 12)
    batch = server.post("/predict/batch", records).json()["predictions"]
    seen = asked_by("triton", server.listen, records, tmp_path)
    assert list(seen["outputs"]) == [*TASKS[task].contract.target.outputs, "key"]
    for name, values in seen["outputs"].items():
        assert values == expected(batch, name)
    assert seen["only"]
    assert seen["again"] == seen["outputs"][seen["told"]["outputs"][1]["name"]]


@pytest.mark.slow
def test_kserves_client_gets_the_answers_of_predict(server: Program, task: str, tmp_path: Path) -> None:
    records = complete(task, 12)
    batch = server.post("/predict/batch", records).json()["predictions"]
    seen = asked_by("kserve", server.listen, records, tmp_path)
    for name, values in seen["outputs"].items():
        cells = expected(batch, name)
        assert values == ([number for row in cells for number in row] if name == "probabilities" else cells)
    if task == "classes":
        assert seen["shapes"]["probabilities"] == [12, 3]


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_the_form_shows_the_answer_of_its_task(
    server: Program, task: str, browser: Any, script: bool
) -> None:
    [record] = complete(task, 1)
    answer = server.post("/predict", record).json()
    with browser_page(browser, java_script_enabled=script) as page:
        page.goto(server.url)
        fill(page, record)
        page.click("button")
        page.wait_for_selector("#answer .label")
        shown = page.inner_text("#answer")
        if task == "quantity":
            low, value, high = (f"{answer[name]:.5g}" for name in ("low", "value", "high"))
            assert f"{value} days, between {low} and {high}" in shown
            return
        assert page.inner_text("#answer .label") == answer["label"]
        assert page.locator("#answer tbody th").all_inner_texts() == list(answer["probabilities"])
        numbers = page.locator("#answer tbody .time").all_inner_texts()
        assert numbers == [f"{share:.4f}" for share in answer["probabilities"].values()]
        widths = [float(bar.get_attribute("width")) for bar in page.locator("#answer rect").all()]
        assert widths == pytest.approx([100 * share for share in answer["probabilities"].values()])


def fill(page: Any, record: dict[str, Any]) -> None:
    "Type a record into the form."
    for name, value in record.items():
        field = page.locator(f"[name='{name}']")
        text = value if isinstance(value, str) else json.dumps(value)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_the_form_explains_an_answer_by_bars(server: Program, task: str, browser: Any, script: bool) -> None:
    [record] = complete(task, 1)
    explanation = server.post("/predict?explain=true", record).json()["explanation"]
    with browser_page(browser, java_script_enabled=script) as page:
        page.goto(server.url)
        fill(page, record)
        page.click("button[name=explain]")
        page.wait_for_selector("#answer caption")
        assert f"contributed to the {explanation['of']}: " in page.inner_text("#answer caption")
        assert explanation["note"] in page.inner_text("#answer caption")
        rows = page.locator("#answer table:has(caption) tbody tr").all()
        shown = {row.locator("th").inner_text(): row.locator(".time").inner_text() for row in rows}
        assert {name: float(text) for name, text in shown.items()} == pytest.approx(
            explanation["fields"], rel=1e-3, abs=1e-4
        )
        for row in rows:
            start, width = (float(row.locator("rect").get_attribute(name)) for name in ("x", "width"))
            value = explanation["fields"][row.locator("th").inner_text()]
            assert (start if value > 0 else start + width) == pytest.approx(50)
        assert rows[0].locator("rect").get_attribute("width") == "50" or not script
