"""Headless Chromium for tests of the page."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

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


@contextlib.contextmanager
def chromium() -> Iterator[Any]:  # playwright's Browser
    "Debian's Chromium, driven by playwright."
    path = shutil.which("chromium")
    needs("browser", path is not None, "there is no chromium here (Debian package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()
