"""A portal with an hour's trouble in it, and pages at which people are signed in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client as Session
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import Client, User
from accounts.roles import ADMINISTRATOR, RESPONDER, SLA_MANAGER, VIEWER
from aiosmon import pulse
from aiosmon.demo_setup import load_demo
from alerts.models import Alert
from alerts.raising import evaluation
from metrics import rollups
from tests.database import Contents
from tests.e2e.browser import at_rest, collect_console_errors

PEOPLE = {"vic": VIEWER, "rita": RESPONDER, "sam": SLA_MANAGER, "ada": ADMINISTRATOR}


@pytest.fixture(scope="module")
def made() -> list[Contents]:
    """The tables of the portal, once a test of the module has filled them."""
    return []


@pytest.fixture
def filled(
    transactional_db: None,
    made: list[Contents],
    make_user: Callable[..., User],
    make_rows: Callable[..., Any],
) -> None:
    """People, customers, and a promise that was broken in the last minutes."""
    if made:
        connection.creation.deserialize_db_from_string(made[0])  # type: ignore[arg-type]
    else:
        _fill(make_user, make_rows)
        made.append(connection.creation.serialize_db_to_string())  # type: ignore[arg-type]
    for part in pulse.PARTS:
        pulse.beat(part.name)


def _fill(make_user: Callable[..., User], make_rows: Callable[..., Any]) -> None:
    for name, role in PEOPLE.items():
        make_user(role, username=name)
    acme = Client.objects.create(code="acme", name="Acme Manufacturing")
    globex = Client.objects.create(code="globex", name="Globex Retail")
    load_demo("http://127.0.0.1:8090")
    make_rows(acme, [9000.0] * 8 + [500.0] * 2, request_id="req-slow-1")
    make_rows(globex, [400.0] * 10)
    make_rows(
        globex, [90.0] * 10, metric_name="user_feedback_processing_time", component="user_interface"
    )
    rollups.roll_up_all()
    evaluation.evaluate()


@pytest.fixture
def people(filled: None) -> dict[str, User]:
    """One person of each role."""
    return {name: User.objects.get(username=name) for name in PEOPLE}


@pytest.fixture
def acme(filled: None) -> Client:
    """The customer whose promise is broken."""
    return Client.objects.get(code="acme")


@pytest.fixture
def globex(filled: None) -> Client:
    """The customer who is content."""
    return Client.objects.get(code="globex")


@pytest.fixture
def portal(live_server: LiveServer, filled: None) -> str:
    """The address of a portal in which Acme's simple queries break their promise."""
    return str(live_server.url)


@pytest.fixture
def alert(portal: str) -> Alert:
    """The alert that the broken promise raised."""
    return Alert.objects.get(objective="sla:simple_queries:latency")


@pytest.fixture
def open_as(portal: str, browser: Browser) -> Callable[[str], tuple[Page, list[str]]]:
    """Sign a person in: ``open_as("rita")`` gives a page and the list of what goes wrong on it.

    Rows must be made before this is asked for: the browser takes the thread's event loop.
    """

    def sign_in(name: str) -> tuple[Page, list[str]]:
        with at_rest():
            session = Session()
            session.force_login(User.objects.get(username=name))
        cookie = session.cookies[settings.SESSION_COOKIE_NAME]
        # Chromium takes the machine's locale, which may be none that a page can use.
        context = browser.new_context(base_url=portal, locale="en-GB")
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": portal}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        return page, collect_console_errors(page)

    return sign_in
