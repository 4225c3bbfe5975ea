"""Drives a headless Chromium: opens it, listens for errors, takes screenshots.

Playwright's synchronous API keeps an asyncio loop marked as running in the thread that uses it,
from `open_browser` until its end. Django's ORM then raises SynchronousOnlyOperation there. So:

* Open the browser in a fixture of function scope that requests `live_server` (or whichever
  fixture owns the database): it is torn down first, before the database is flushed. A browser of
  session scope would break the ORM for every test after it.
* Make the rows before the fixture opens the browser, and assert on what the page shows.
* A test that must read the database while the page is open asks the live server, or a psycopg
  connection of its own: with DJANGO_ALLOW_ASYNC_UNSAFE the ORM would open a connection that
  nobody closes, and the test database could not be dropped.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.e2e.get_browser import find_chromium
from tests.e2e.get_node import find_node

SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"
VIEWPORT_HEIGHT = {1440: 900, 390: 844}
LAUNCH_MS = 60_000

# Playwright adds the rest: headless, no background networking, updates, sync or first-run pages,
# and no sandbox, which neither root nor most containers could set up; the pages are our own.
ARGUMENTS = ["--disable-gpu", "--disable-quic"]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Run a headless Chromium for the length of the block (see above for the ORM).

    Raises BrowserUnavailableError or NodeUnavailableError if the machine has none and none can
    be fetched.
    """
    chromium = find_chromium()
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(find_node())
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium.executable,
            args=ARGUMENTS,
            env={**os.environ, **chromium.env},
            timeout=LAUNCH_MS,
        )
        try:
            yield browser
        finally:
            browser.close()


def collect_console_errors(page: Page) -> list[str]:
    """Return a list that fills with what goes wrong on `page` from now on.

    Counted: console errors, uncaught exceptions, failed requests and responses of 400 or more.
    """
    errors: list[str] = []

    def request_failed(request: Request) -> None:
        # Leaving a page and starting a download abort requests; neither is a fault.
        if request.failure != "net::ERR_ABORTED":
            errors.append(f"request: {request.failure} {request.url}")

    page.on("console", lambda m: errors.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(f"exception: {error}"))
    page.on("requestfailed", request_failed)
    page.on(
        "response",
        lambda r: errors.append(f"response: {r.status} {r.url}") if r.status >= 400 else None,
    )
    return errors


def shoot(
    page: Page, name: str, width: Literal[1440, 390], theme: Literal["light", "dark"]
) -> Path:
    """Save what a desktop (1440 px) or a phone (390 px) shows, and return the PNG's path."""
    page.set_viewport_size({"width": width, "height": VIEWPORT_HEIGHT[width]})
    page.emulate_media(color_scheme=theme)
    # unfold chooses the theme as the page loads, not when it changes.
    page.reload()
    path = SCREENSHOTS / f"{name}-{width}-{theme}.png"
    page.screenshot(path=path, animations="disabled")
    return path
