"""GET /api/v1/baselines/."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.models import PerformanceBaseline

pytestmark = pytest.mark.django_db
URL = "/api/v1/baselines/"
Get = Callable[..., Any]


@pytest.fixture
def get() -> Get:
    """GET with a key: ``get(bound_to=acme, component="x")``."""

    def read(bound_to: Client | None = None, **filters: str) -> Any:
        key = keys.issue("reader", [ApiKey.Scope.READ], client=bound_to)[1]
        return Browser().get(URL, filters, headers={"X-API-Key": key})

    return read


def baseline(client: Client | None, **fields: Any) -> PerformanceBaseline:
    """One of a metric that has no other."""
    defaults: dict[str, Any] = {
        "metric_name": "queue_size",
        "metric_category": "system_health",
        "baseline_value": 3.0,
        "measurement_unit": "count",
        "component": "nervous_system",
        "client": client,
    }
    return PerformanceBaseline.objects.create(**{**defaults, **fields})


def names(answer: Any) -> list[str]:
    """The metrics on a page."""
    return [one["metric_name"] for one in answer.json()["results"]]


def test_the_specifications_baselines_are_there(get: Get) -> None:
    (one,) = get(metric_name="conversational_query_response_time").json()["results"]
    assert (one["baseline_value"], one["measurement_unit"]) == (8500.0, "ms")
    assert one["test_conditions"] == {"query_complexity": "moderate", "includes_ml": True}
    assert (one["client"], one["active"]) == (None, True)
    assert len(names(get())) == 5


def test_a_key_of_one_client_sees_its_own_and_everyones(
    get: Get, acme: Client, globex: Client
) -> None:
    for client in (acme, globex, None):
        baseline(client)
    found = get(bound_to=acme, metric_name="queue_size").json()["results"]
    assert {one["client"] for one in found} == {"acme", None}


def test_they_are_filtered(get: Get, acme: Client) -> None:
    baseline(acme, active=False)
    assert names(get(active="false")) == ["queue_size"]
    assert names(get(client="acme")) == ["queue_size"]
    assert names(get(component="nervous_system")) == ["queue_size"]
    assert names(get(metric_category="ml_inference")) == ["ml_prediction_inference_time"]
    assert names(get(until=(timezone.now() - timedelta(days=365)).isoformat())) == []
    answer = get(metric="x")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "metric")


def test_pages_follow_one_another_even_within_one_instant(get: Get, acme: Client) -> None:
    at = timezone.now() - timedelta(days=1)
    ids = {baseline(acme, measurement_date=at).pk for _ in range(5)}
    key = keys.issue("reader", [ApiKey.Scope.READ])[1]
    url, seen = f"{URL}?metric_name=queue_size&page_size=2", []
    while url:
        page = Browser().get(url, headers={"X-API-Key": key}).json()
        seen += [one["id"] for one in page["results"]]
        url = page["next"]
    assert len(seen) == 5
    assert set(seen) == ids
    assert get(cursor="nonsense").status_code == 404


def test_it_takes_the_scope_to_read() -> None:
    key = keys.issue("sender", [ApiKey.Scope.INGEST])[1]
    assert Browser().get(URL, headers={"X-API-Key": key}).status_code == 403
