"""Headless Chromium for tests of the page."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.patience import LONG
from tests.helpers.requirements import needs

# Without these Chromium looks up its maker's hosts at every start.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")  # not longer: its event loop would stand in the way of others
def browser() -> Iterator[Any]:  # playwright's Browser
    "Debian's Chromium, driven by playwright."
    path = shutil.which("chromium")
    needs("browser", path is not None, "there is no chromium here (Debian package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET), timeout=1000 * LONG)
        yield browser
        browser.close()


@contextlib.contextmanager
def browser_page(browser: Any, width: int = 1280, height: int = 800, **options: Any) -> Iterator[Any]:
    "Open a page without a past, until the block ends; what it waits for may take minutes."
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(1000 * LONG)
    yield context.new_page()
    context.close()
