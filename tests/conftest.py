"""Fixtures that every test may use. PostgreSQL and Valkey come from tests/services.py."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client, User
from metrics.ingest import reference
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.ingest.tally import tally
from tests import database

database.install()


@pytest.fixture(autouse=True)
def _fresh_reference() -> Iterator[None]:
    """What ingestion keeps of the small tables ends with the test's transaction."""
    reference.forget()
    keys.ring.forget()
    tally.reset()
    yield
    reference.forget()
    keys.ring.forget()


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    """The real hasher takes a fifth of a second for each user by design."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nobody_is_nudged(settings: Any) -> None:
    """A task that a test's rows or events enqueue would be taken by another test's worker."""
    settings.AFTER_ROWS_TASK = settings.AFTER_EVENTS_TASK = ""


@pytest.fixture(scope="module")
def kept_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What is committed stays until the module's end; for fixtures of module scope.

    The module marks its tests as transactional, and puts this in the place of what
    empties the database between them: a fixture ``_django_db_helper`` that requests it.
    """
    with django_db_blocker.unblock(), database.renewed():
        yield


@pytest.fixture
def acme(db: None) -> Client:
    """A customer."""
    return Client.objects.create(code="acme", name="Acme Manufacturing")


@pytest.fixture
def globex(db: None) -> Client:
    """Another customer."""
    return Client.objects.create(code="globex", name="Globex Retail")


@pytest.fixture
def platform(db: None) -> Client:
    """The client that owns what belongs to no customer."""
    return Client.objects.get(code="platform")


@pytest.fixture
def api_key(db: None) -> str:
    """The text of a key that may send for every client."""
    return keys.issue("tests", [ApiKey.Scope.INGEST])[1]


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """Make a person: ``make_user("Responder", clients=[acme])`` sees only acme."""

    def make(
        role: str | None = None, *, clients: list[Client] | None = None, **fields: Any
    ) -> User:
        from django.contrib.auth.models import Group

        number = User.objects.count()
        fields = {"username": f"user{number}", "is_staff": True, **fields}
        user = User.objects.create_user(
            password="a-long-passphrase", all_clients=clients is None, **fields
        )
        user.clients.set(clients or [])
        if role:
            user.groups.add(Group.objects.get(name=role))
        return user

    return make


@pytest.fixture
def make_rows(db: None) -> Callable[..., list[Row]]:
    """Store rows of simple queries: ``make_rows(acme, [100, 200.0], success=False)``."""

    def make(client: Client, values: list[float], **fields: Any) -> list[Row]:
        synthetic = fields.pop("synthetic", False)
        defaults: dict[str, Any] = {
            "metric_name": "conversational_query_response_time",
            "metric_category": "ai_query",
            "measurement_unit": "ms",
            "component": "cognitive_core",
            "service_name": "tests",
            "query_complexity": "simple",
            "timestamp": timezone.now(),
            "client_id": client.pk,
        }
        rows = [Row(**{**defaults, **fields, "metric_value": value}) for value in values]
        store(rows, synthetic=synthetic)
        return rows

    return make


@pytest.fixture(scope="session")
def chromium() -> Iterator[tuple[Any, asyncio.AbstractEventLoop]]:
    """A headless Chromium for the whole run, at rest, and the loop that drives it."""
    # Playwright takes long to import, and most runs have no use for it.
    from tests.e2e.browser import at_rest, open_browser

    with open_browser() as browser:
        loop = asyncio.get_running_loop()
        with at_rest():
            yield browser, loop


@pytest.fixture
def browser(chromium: tuple[Any, asyncio.AbstractEventLoop]) -> Iterator[Any]:
    """That Chromium: the test's pages are closed after it. Make the rows before you ask for it."""
    from tests.e2e.browser import at_work

    found, loop = chromium
    with at_work(loop):
        yield found
        for context in found.contexts:
            context.close()


@pytest.fixture
def noon() -> datetime:
    """A fixed moment for pure code: a Wednesday, UTC."""
    return datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
