"""What /v1/metrics keeps can be looked at, by whom it concerns, and not changed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Client, User
from metrics.admin.rows import quantile
from metrics.formats import NBSP
from metrics.models import HistogramPoint, MinuteRollup, OtlpSeries

pytestmark = pytest.mark.django_db

POINTS = reverse("admin:metrics_histogrampoint_changelist")
SERIES = reverse("admin:metrics_otlpseries_changelist")


def point(client: Client, number: int = 0, **fields: Any) -> HistogramPoint:
    """Ten calls of 100 ms."""
    made: dict[str, Any] = {
        "client": client,
        "series": f"00000000-0000-0000-0000-{number:012}",
        "start_nano": 0,
        "time_nano": 1,
        "minute": timezone.now(),
        "metric_name": "gen_ai.client.inference.duration",
        "component": "cognitive_core",
        "service_name": f"service-of-{client.code}",
        "query_complexity": "",
        "model": "gpt-4o",
        "measurement_unit": "ms",
        "total": 10,
        "succeeded": 10,
        "value_sum": 1000.0,
        "value_min": 100.0,
        "value_max": 100.0,
        "hist_scale": 5,
        "hist_zero": 0,
        "hist_idx": [212],
        "hist_cnt": [10],
        "approximate": True,
    }
    return HistogramPoint.objects.create(**{**made, **fields})


def series(client: Client, number: int = 0, **fields: Any) -> OtlpSeries:
    """A counter that has come to 42."""
    made: dict[str, Any] = {
        "client": client,
        "series": f"00000000-0000-0000-0000-{number:012}",
        "start_nano": 1_700_000_000_000_000_000,
        "metric_name": "gen_ai.client.generation.choices",
        "component": "cognitive_core",
        "service_name": f"service-of-{client.code}",
        "updated_at": timezone.now(),
        "last": {"time": 1, "value": 42},
    }
    return OtlpSeries.objects.create(**{**made, **fields})


@pytest.fixture
def look(make_user: Callable[..., User], acme: Client) -> Callable[[str], str]:
    """Pages as someone sees them who may see Acme only."""
    browser = Browser()
    browser.force_login(make_user("Viewer", clients=[acme]))

    def page(url: str) -> str:
        response = browser.get(url)
        assert response.status_code == 200
        return response.content.decode()

    return page


@pytest.mark.parametrize(("url", "make"), [(POINTS, point), (SERIES, series)])
def test_a_person_sees_only_their_clients(
    look: Callable[[str], str], acme: Client, globex: Client, url: str, make: Callable[..., Any]
) -> None:
    make(acme, 1)
    make(globex, 2)
    page = look(url)
    assert "service-of-acme" in page
    assert "service-of-globex" not in page


def test_a_series_is_shown_with_its_beginning_and_its_value(
    look: Callable[[str], str], acme: Client
) -> None:
    series(acme)
    series(acme, 2, start_nano=0, last={"time": 1, "value": {"type": "explicit", "total": 77}})
    page = look(SERIES)
    assert ">42<" in page
    assert ">77<" in page
    assert "2023" in page


@pytest.mark.parametrize(
    ("url", "make", "told"), [(POINTS, point, f"≈{NBSP}100{NBSP}ms"), (SERIES, series, ">42<")]
)
def test_one_is_shown_with_its_figures(
    look: Callable[[str], str], acme: Client, url: str, make: Callable[..., Any], told: str
) -> None:
    assert told in look(f"{url}{make(acme).pk}/change/")


@pytest.mark.parametrize(("url", "make"), [(POINTS, point), (SERIES, series)])
def test_nobody_changes_or_adds_one(
    make_user: Callable[..., User], acme: Client, url: str, make: Callable[..., Any]
) -> None:
    made = make(acme)
    browser = Browser()
    browser.force_login(make_user("Administrator"))
    assert browser.get(f"{url}add/").status_code == 403
    assert browser.post(f"{url}{made.pk}/change/", {"total": 1}).status_code == 403
    assert browser.post(f"{url}{made.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("url", "make"), [(POINTS, point), (SERIES, series)])
def test_the_list_takes_as_many_queries_for_many(
    make_user: Callable[..., User], acme: Client, url: str, make: Callable[..., Any]
) -> None:
    browser = Browser()
    browser.force_login(make_user(is_superuser=True))
    counts = []
    for number in range(1, 6):
        make(acme, number)
        with CaptureQueriesContext(connection) as queries:
            browser.get(url)
        counts.append(len(queries))
    assert len(set(counts[1:])) == 1


@pytest.mark.parametrize(
    ("approximate", "told"), [(True, f"≈{NBSP}100{NBSP}ms"), (False, f"100{NBSP}ms")]
)
def test_what_is_approximate_is_told(approximate: bool, told: str) -> None:
    rollup = MinuteRollup(
        measurement_unit="ms",
        hist_scale=5,
        hist_zero=0,
        hist_idx=[212],
        hist_cnt=[10],
        value_min=100.0,
        value_max=100.0,
        approximate=approximate,
    )
    assert quantile(rollup, 0.5) == told
