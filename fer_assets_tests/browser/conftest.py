"""A real headless Chromium, and servers of the pages in processes of their own.

The browser is `FER_CHROMIUM`, else chromium, chromium-browser or google-chrome on the path; without
one, or without playwright, these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from fer_assets_tests.browser.watching import Watch, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

PHONE = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for a module, not for the session: while it runs, so does an event loop."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (extra dev)"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("FER_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("no Chromium on the path: set FER_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., Watch]]:
    """A page in a browser context of its own; at the end it must have had nothing to complain of.

    Options are those of Playwright's contexts; `state_of` takes over another page's cookies.
    """
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def open_page(state_of: Watch | None = None, **options: Any) -> Watch:
        if state_of is not None:
            options["storage_state"] = state_of.page.context.storage_state()
        context = chromium.new_context(**{**DESKTOP, **options})
        context.set_default_timeout(8000)
        contexts.append(context)
        watches.append(watched(context))
        return watches[-1]

    yield open_page
    complaints = [line for watch in watches for line in watch.complaints]
    for context in contexts:
        context.close()
    assert not complaints
