"""A portal with an hour's trouble in it, and browsers in which people are signed in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import Client, User
from accounts.roles import ADMINISTRATOR, RESPONDER, SLA_MANAGER, VIEWER
from aiosmon import pulse
from aiosmon.demo_setup import load_demo
from alerts.models import Alert
from alerts.raising import evaluation
from metrics import rollups
from tests.e2e.browser import collect_console_errors, open_browser

PASSWORD = "a-long-passphrase"
PEOPLE = {"vic": VIEWER, "rita": RESPONDER, "sam": SLA_MANAGER, "ada": ADMINISTRATOR}


@pytest.fixture
def people(settings: Any, make_user: Callable[..., User]) -> dict[str, User]:
    """One person of each role; their passwords are hashed fast, for they sign in often."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return {name: make_user(role, username=name) for name, role in PEOPLE.items()}


@pytest.fixture
def portal(
    live_server: LiveServer,
    people: dict[str, User],
    acme: Client,
    globex: Client,
    make_rows: Callable[..., Any],
) -> str:
    """The address of a portal in which Acme's simple queries break their promise."""
    load_demo("http://127.0.0.1:8090")
    make_rows(acme, [9000.0] * 8 + [500.0] * 2, request_id="req-slow-1")
    make_rows(globex, [400.0] * 10)
    make_rows(
        globex, [90.0] * 10, metric_name="user_feedback_processing_time", component="user_interface"
    )
    rollups.roll_up_all()
    evaluation.evaluate()
    for part in pulse.PARTS:
        pulse.beat(part.name)
    return str(live_server.url)


@pytest.fixture
def alert(portal: str) -> Alert:
    """The alert that the broken promise raised."""
    return Alert.objects.get(objective="sla:simple_queries:latency")


@pytest.fixture
def open_as(portal: str) -> Iterator[Callable[[str], tuple[Page, list[str]]]]:
    """Sign a person in: ``open_as("rita")`` gives a page and the list of what goes wrong on it.

    Rows must be made before this is asked for: the browser takes the thread's event loop.
    """
    with open_browser() as browser:

        def sign_in(name: str) -> tuple[Page, list[str]]:
            # Chromium takes the machine's locale, which may be none that a page can use.
            page = browser.new_context(base_url=portal, locale="en-GB").new_page()
            page.set_default_timeout(10_000)
            errors = collect_console_errors(page)
            page.goto("/admin/login/")
            page.fill("#id_username", name)
            page.fill("#id_password", PASSWORD)
            page.click("#login-form button[type=submit]")
            page.wait_for_selector("#dashboard")
            return page, errors

        yield sign_in
