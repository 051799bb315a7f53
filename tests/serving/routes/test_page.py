"""The page at `/`, in a real browser: with script and without, behind a prefix, on a phone, in the dark."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goldenpath.registry.registry import Registry
from tests.helpers.browser import browser_page
from tests.helpers.node_packages import node_package
from tests.helpers.patience import wait_until
from tests.helpers.prefix_proxy import below
from tests.helpers.requirements import needs
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.serving_program import Program, running
from tests.serving.test_growth import content

AXE = "4.10.3"  # the version of axe-core
CONTRAST = {
    "train_then_predict_s": 2.6,
    "load_then_predict_s": 0.031,
    "first_request_s": 0.004,
    "sklearn_one_s": {"p50": 0.0027, "p95": 0.003, "p99": 0.004},
    "fast_one_s": {"p50": 0.00002, "p95": 0.00003, "p99": 0.00004},
    "http_s": {"p50": 0.00021, "p95": 0.0003, "p99": 0.0005},
    "http_floor_s": None,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    home = tmp_path_factory.mktemp("home")
    version = publish(home, 1, synthetic=True)
    promote(home, version)
    promote(home, publish(home, 2), "challenger", 0.25)
    promote(home, publish(home, 3), "shadow")
    Registry(home, MODEL).save_contrast(version, content() | CONTRAST)
    with running(home) as program:
        yield program


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    "Yield a page that notes every failed request, console error and foreign address."
    with browser_page(browser, height=900) as page:
        page.complaints = []
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
        page.on("requestfailed", lambda request: page.complaints.append(request.url))
        yield page


def fill(page: Any, **values: str) -> None:
    for name, value in values.items():
        page.select_option(f"[name={name}]", value)


def until(page: Any, expression: str) -> None:
    "Wait for a JavaScript expression; playwright's own waiting needs what the page's policy forbids."
    wait_until(lambda: page.evaluate(expression), lambda: expression)


def shot(page: Any, name: str) -> None:
    "Keep a picture where GOLDENPATH_TEST_SHOTS says so, for a person to look at."
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def test_the_form_sends_a_real_request_and_shows_answer_and_time(server: Program, page: Any) -> None:
    page.goto(server.url)
    fill(page, age_group="80+ Years", hosp_yn="Yes", icu_yn="Yes")
    with page.expect_request("**/predict") as sent:
        page.click("button")
    page.wait_for_selector("#answer .label")
    alone = server.post("/predict", json.loads(sent.value.post_data)).json()
    shown = page.inner_text("#answer")
    assert f"{alone['label']} with probability {alone['probability']:.4f}" in shown
    assert "ms from your browser and back" in shown
    assert alone["version"] in shown
    assert page.complaints == []
    shot(page, "desktop")


def test_training_against_rows_is_drawn_above_the_bars(page: Any, server: Program) -> None:
    page.goto(server.url)
    drawing, bars = page.locator("svg.growth"), page.locator("#measured table.bars")
    assert drawing.locator("text", has_text="ask this server").text_content() == "ask this server: 210 µs"
    assert drawing.bounding_box()["y"] < bars.bounding_box()["y"]
    assert page.complaints == []


def test_the_contrast_is_shown_slowest_first_and_compared_with_this_server(
    server: Program, page: Any
) -> None:
    page.goto(server.url)
    rows = page.locator(".bars tbody tr").all_inner_texts()
    assert "Train, then predict" in rows[0]
    assert "2.60 s" in rows[0]
    assert "12,381" in rows[0]
    ours = page.locator(".bars tr.ours").inner_text()
    assert "210 µs" in ours
    widths = [float(bar.get_attribute("width")) for bar in page.locator(".bars rect").all()]
    assert widths == sorted(widths, reverse=True)
    assert "synthetic stand-in" in page.inner_text("header")


def test_everything_works_without_script(server: Program, browser: Any) -> None:
    with browser_page(browser, java_script_enabled=False) as page:
        page.goto(server.url)
        assert page.locator(".bars tbody tr").count() == 6
        page.select_option("[name=age_group]", "80+ Years")
        page.click("button")
        assert "in the server, by" in page.inner_text("#answer")


def test_every_address_is_relative_so_a_path_prefix_does_not_matter(server: Program, page: Any) -> None:
    with below("/notebook/ns/wb/proxy/8080", server.listen) as address:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.click("button")
        page.wait_for_selector("#answer .label")
        assert page.complaints == []
        assert len(asked) >= 4
        assert all(url.startswith(address) for url in asked)
        for link in page.locator("a").all():
            assert page.request.get(link.evaluate("a => a.href")).status == 200


def test_a_refused_record_is_explained_on_the_page(server: Program, page: Any) -> None:
    page.goto(server.url)
    page.evaluate("document.querySelector('[name=sex]').innerHTML = '<option>Nobody</option>'")
    page.click("button")
    page.wait_for_selector("#answer .warn")
    assert "sex must be one of" in page.inner_text("#answer")


def test_live_figures_follow_what_happens(server: Program, page: Any) -> None:
    page.goto(server.url)
    before = page.inner_text("#live")
    assert "since the start" in before
    until(page, "document.querySelector('[data-live=rate-unit]').textContent === 'each second'")
    rows = records(40, 3)

    def asked() -> bool:
        for row in rows:
            server.post("/predict", row)
        return page.evaluate("Number(document.querySelector('[data-live=rate]').textContent) > 5")

    wait_until(asked)
    assert re.fullmatch(r"[\d.]+ (µs|ms)", page.inner_text("[data-live=p50]"))
    assert page.inner_text("[data-share=champion]") == "75 %"
    assert page.inner_text("[data-share=challenger]") == "25 %"
    until(page, "/% of \\d+/.test(document.querySelector('[data-live=shadow]').textContent)")
    assert page.complaints == []
    shot(page, "live")


def test_an_open_page_follows_the_version_that_answers_and_what_is_wrong(tmp_path: Path, page: Any) -> None:
    with running(tmp_path, ready=False) as program:
        page.goto(program.url)
        assert page.inner_text("h1") == "No model yet"
        assert page.inner_text("[data-share=champion]") == "0 %"
        promote(tmp_path, version := publish(tmp_path, 1))
        until(page, f"document.querySelector('header').innerText.includes('Version {version} answers')")
        until(page, "document.querySelectorAll('header [role=status]').length === 0")
        until(page, "document.querySelector('[data-share=champion]').textContent === '100 %'")
        assert "scikit-learn, in the process" in page.inner_text("#measured")
        assert page.title().startswith(MODEL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/", "/docs"])
def test_axe_finds_nothing_serious(server: Program, browser: Any, address: str, scheme: str) -> None:
    needs("npm", shutil.which("npm") is not None, "there is no npm here to install axe-core with")
    axe = (node_package("axe-core", AXE) / "axe.min.js").read_text()
    for width in (1280, 360):
        with browser_page(browser, width, color_scheme=scheme) as page:
            page.goto(server.url + address)
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            serious = [
                f"{one['id']}: {one['nodes'][0]['html'][:200]}"
                for one in found["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == []
            assert len(found["passes"]) > 15
            shot(page, f"axe{address.replace('/', '-')}-{scheme}-{width}")


def test_it_can_be_used_with_the_keyboard_alone(server: Program, page: Any) -> None:
    page.goto(server.url)
    fields = page.locator("form select, form input").count()
    for _ in range(fields):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.labels.length") == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer .label")


@pytest.mark.parametrize(("name", "width", "scheme"), [("phone", 360, "light"), ("dark", 1280, "dark")])
def test_it_fits_a_phone_and_the_dark(
    server: Program, browser: Any, name: str, width: int, scheme: str
) -> None:
    with browser_page(browser, width, color_scheme=scheme) as page:
        page.goto(server.url)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(part) for part in ground.removeprefix("rgb(").rstrip(")").split(",")) > 380
        assert light == (scheme == "light")
        shot(page, name)
