"""A row as services send it, the endpoint to send it to, and a target for probes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import ApiKey
from tests.metrics.fast import Post, fast_way_in
from tests.metrics.target import Target

Send = Callable[..., Any]


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """The fields of a good row; arguments change them, ``...`` leaves one out."""

    def make(**changes: Any) -> dict[str, Any]:
        fields = {
            "metric_name": "conversational_query_response_time",
            "metric_category": "ai_query",
            "metric_value": 1234.5,
            "measurement_unit": "ms",
            "component": "cognitive_core",
            "service_name": "assistant",
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not ...}

    return make


@pytest.fixture
def send(api_key: str) -> Send:
    """POST a body to the ingestion endpoint: bytes as they are, anything else as JSON."""
    browser = Browser()

    def post(body: Any, key: str = api_key, content_type: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return browser.post(
            "/api/v1/metrics/", data, content_type=content_type, headers={"X-API-Key": key}
        )

    return post


@pytest.fixture
def target() -> Iterator[Target]:
    """A real HTTP server on this machine that answers as it is told."""
    with Target() as server:
        yield server


@pytest.fixture
def post() -> Iterator[Post]:
    """Send bodies at once: ``post(key, rows, rows)`` gives an answer for each."""
    with fast_way_in() as send:
        yield send


@pytest.fixture
def old_key(api_key: str) -> str:
    """A key that was made long before any of the tests' series began."""
    ApiKey.objects.update(created_at=timezone.now() - timedelta(days=3))
    return api_key
