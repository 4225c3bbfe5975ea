"""Drives a headless Chromium: opens it, listens for errors, takes screenshots.

Playwright's synchronous API marks an asyncio loop as running in the thread that uses it, from its
start until its end, and Django's ORM refuses to work in such a thread. One Chromium serves the
whole run, so the mark is taken away (`at_rest`) whenever no test has the browser: see the
fixture `browser` in tests/conftest.py. So:

* Request `browser` in a fixture that requests `live_server` (or whichever fixture owns the
  database): its pages are closed first, before the database is flushed.
* Make the rows before that fixture, and assert on what the page shows.
* A test that must read the database while the page is open asks the live server, or does it
  within `at_rest`.
"""

import asyncio
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
WIDTHS: tuple[Literal[1440, 390], ...] = (1440, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
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


@contextmanager
def at_rest() -> Iterator[None]:
    """Playwright does nothing, and the ORM works, until the block ends."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


@contextmanager
def at_work(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Within `at_rest`: Playwright, whose loop it is, may be used until the block ends."""
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(None)


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
    # unfold chooses the theme as the page loads, not when it changes; loading again costs more.
    page.evaluate(
        "document.documentElement.classList.toggle("
        "'dark', matchMedia('(prefers-color-scheme: dark)').matches)"
    )
    path = SCREENSHOTS / f"{name}-{width}-{theme}.png"
    page.screenshot(path=path, animations="disabled")
    return path


def look(page: Page, name: str) -> None:
    """Take the four pictures of a page; no screen scrolls sideways."""
    for width in WIDTHS:
        for theme in THEMES:
            assert shoot(page, name, width, theme).stat().st_size > 10_000
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
