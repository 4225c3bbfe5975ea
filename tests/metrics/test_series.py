"""GET /api/v1/series/: figures by step, from the roll-ups, equal to a recount of the rows."""

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics import rollups, series
from metrics.histogram import MAX_RELATIVE_ERROR, QUANTILES
from metrics.models import MinuteRollup

pytestmark = pytest.mark.django_db
URL = "/api/v1/series/"
METRIC = "conversational_query_response_time"
Get = Callable[..., Any]
# The start of a whole hour that has passed.
HOUR = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)


@pytest.fixture
def get() -> Get:
    """GET with a key: ``get(bound_to=acme, step="5m")``, over the hour."""

    def read(bound_to: Client | None = None, url: str = URL, **parameters: Any) -> Any:
        key = keys.issue("reader", [ApiKey.Scope.READ], client=bound_to)[1]
        asked = {"metric_name": METRIC, "since": HOUR.isoformat(), **parameters}
        asked.setdefault("until", (HOUR + timedelta(hours=1)).isoformat())
        asked = {name: value for name, value in asked.items() if value is not None}
        return Browser().get(url, asked if url == URL else None, headers={"X-API-Key": key})

    return read


@pytest.fixture
def make(make_rows: Any) -> Callable[..., None]:
    """Store rows so many minutes into the hour, and roll them up."""

    def at(client: Client, minute: float, values: list[float], **fields: Any) -> None:
        make_rows(client, values, timestamp=HOUR + timedelta(minutes=minute), **fields)
        rollups.roll_up_all()

    return at


def points(answer: Any, *names: str) -> list[Any]:
    """These fields of each point."""
    assert answer.status_code == 200, answer.json()
    found = [tuple(one[name] for name in names) for one in answer.json()["results"]]
    return [one[0] for one in found] if len(names) == 1 else found


def nearest_rank(values: list[float], share: float) -> float:
    """The exact percentile that the histogram estimates."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def test_a_step_holds_what_a_recount_of_its_rows_finds(get: Get, make: Any, acme: Client) -> None:
    draw = random.Random(7)
    values = [draw.lognormvariate(7, 1) for _ in range(300)]
    for minute, start in enumerate(range(0, 300, 60)):
        make(acme, minute, values[start : start + 60])
    make(acme, 2, [99_999.0] * 3, success=False)
    make(acme, 3, [100.0, 200.0], user_satisfaction_score=2.5)
    values += [100.0, 200.0]
    (point,) = get(step="5m").json()["results"]
    assert (point["start"], point["unit"], point["group"]) == (
        *(HOUR.strftime("%Y-%m-%dT%H:%M:%SZ"), "ms", None),
    )
    assert (point["count"], point["succeeded"]) == (305, 302)
    assert (point["min"], point["max"]) == (min(values), max(values))
    assert point["mean"] == pytest.approx(sum(values) / 302)
    assert (point["votes"], point["votes_mean"]) == (2, 2.5)
    for name, share in QUANTILES.items():
        exact = nearest_rank(values, share)
        assert abs(point[name] / exact - 1) <= MAX_RELATIVE_ERROR * 1.001


def test_each_answer_states_the_error_of_its_percentiles(get: Get, make: Any, acme: Client) -> None:
    body = get().json()
    assert body["max_relative_error"] == MAX_RELATIVE_ERROR
    assert body["approximate"] is False
    make(acme, 1, [1.0])
    make(acme, 31, [1.0])
    MinuteRollup.objects.filter(minute=HOUR + timedelta(minutes=31)).update(approximate=True)
    answer = get(step="30m")
    assert points(answer, "approximate") == [False, True]
    assert answer.json()["approximate"] is True


def test_steps_are_whole_and_empty_ones_have_no_point(get: Get, make: Any, acme: Client) -> None:
    make(acme, 4.9, [1.0])
    make(acme, 5, [2.0, 3.0])
    make(acme, 21, [4.0])
    since, until = HOUR + timedelta(minutes=2), HOUR + timedelta(minutes=11)
    answer = get(step="5m", since=since.isoformat(), until=until.isoformat())
    assert points(answer, "count", "mean") == [(1, 1.0), (2, 2.5)]
    body = answer.json()
    assert [datetime.fromisoformat(body[name]) for name in ("since", "until")] == [
        *(HOUR, HOUR + timedelta(minutes=15)),
    ]
    assert body["step_seconds"] == 300


def test_a_step_that_had_failures_alone_has_no_values(get: Get, make: Any, acme: Client) -> None:
    make(acme, 1, [5.0], success=False)
    (point,) = get(step="1h").json()["results"]
    assert (point["count"], point["succeeded"]) == (1, 0)
    assert {point[name] for name in ("mean", "min", "max", "p50", "p99", "votes_mean")} == {None}


def test_a_histogram_without_its_extremes_is_not_clamped(get: Get, make: Any, acme: Client) -> None:
    make(acme, 1, [100.0])
    MinuteRollup.objects.update(value_min=None, value_max=None)
    (point,) = get().json()["results"]
    assert point["p50"] == pytest.approx(100, rel=MAX_RELATIVE_ERROR)


@pytest.mark.parametrize("by", ["service_name", "model", "query_complexity", "component", "client"])
def test_points_are_told_apart(get: Get, make: Any, acme: Client, globex: Client, by: str) -> None:
    other = {
        "service_name": "other",
        "ml_models_used": ["gpt-4o"],
        "query_complexity": "complex",
        "component": "user_interface",
    }
    make(acme, 1, [1.0])
    make(globex, 2, [3.0], **other)
    groups = {
        "service_name": {("tests", 1.0), ("other", 3.0)},
        "model": {("", 1.0), ("gpt-4o", 3.0)},
        "query_complexity": {("simple", 1.0), ("complex", 3.0)},
        "component": {("cognitive_core", 1.0), ("user_interface", 3.0)},
        "client": {("acme", 1.0), ("globex", 3.0)},
    }
    answer = get(step="1h", group_by=by)
    assert set(points(answer, "group", "mean")) == groups[by]
    assert answer.json()["group_by"] == by
    assert points(get(step="1h"), "mean") == [2.0]


@pytest.mark.parametrize(
    "filters",
    [
        {"service_name": "other"},
        {"model": "gpt-4o"},
        {"query_complexity": "complex"},
        {"component": "user_interface"},
        {"client": "globex"},
        {"synthetic": "true"},
        {"client": "globex", "model": "gpt-4o"},
    ],
)
def test_they_are_filtered(
    get: Get, make: Any, acme: Client, globex: Client, filters: dict[str, str]
) -> None:
    make(acme, 1, [1.0])
    fields = {"component": "user_interface", "query_complexity": "complex"}
    make(
        *(globex, 1, [3.0]),
        service_name="other",
        ml_models_used=["gpt-4o", "x"],
        synthetic=True,
        **fields,
    )
    assert points(get(**filters), "mean") == [3.0]


def test_values_in_different_units_are_never_mixed(get: Get, make: Any, acme: Client) -> None:
    make(acme, 1, [1000.0], metric_name="own")
    make(acme, 1, [1.0], metric_name="own", measurement_unit="seconds")
    assert points(get(metric_name="own"), "unit", "mean") == [("ms", 1000.0), ("seconds", 1.0)]


def test_a_key_of_one_client_sees_no_other(
    get: Get, make: Any, acme: Client, globex: Client
) -> None:
    make(acme, 1, [1.0])
    make(globex, 1, [2.0])
    assert points(get(bound_to=acme, group_by="client"), "group") == ["acme"]
    assert points(get(bound_to=acme, client="acme"), "mean") == [1.0]
    for code in ("globex", "nobody"):
        assert points(get(bound_to=acme, client=code), "mean") == []


def test_pages_follow_one_another_by_step_and_group(get: Get, make: Any, acme: Client) -> None:
    for minute in (1, 6, 11):
        for service in ("a", "b", "é"):
            make(acme, minute, [1.0], service_name=service)
    everything = points(get(step="5m", group_by="service_name"), "start", "group")
    answer = get(step="5m", group_by="service_name", page_size="2")
    seen = points(answer, "start", "group")
    for _ in range(10):
        if not (url := answer.json()["next"]):
            break
        answer = get(url=url)
        seen += points(answer, "start", "group")
    assert seen == everything
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize("cursor", ["nonsense", "MjAyNi0wMS0wMVQwMDowMDowMFogYQ=="])
def test_a_cursor_that_was_never_given_is_refused(get: Get, cursor: str) -> None:
    assert get(cursor=cursor).status_code == 404


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60), ("15m", 900), ("6h", 21_600), ("1d", 86_400), ("PT5M", 300), ("P1D", 86_400)],
)
def test_a_step_is_given_in_either_form(get: Get, text: str, seconds: int) -> None:
    assert get(step=text).json()["step_seconds"] == seconds


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        (timedelta(hours=1), 60),
        (timedelta(hours=5), 60),
        (timedelta(days=1), 300),
        (timedelta(days=14), 21_600),
        (timedelta(days=90), 86_400),
    ],
)
def test_without_a_step_the_span_decides(get: Get, span: timedelta, seconds: int) -> None:
    until = HOUR + timedelta(hours=1)
    assert get(since=(until - span).isoformat()).json()["step_seconds"] == seconds


def test_without_bounds_it_is_the_last_hour(get: Get) -> None:
    body = get(since=None, until=None).json()
    since, until = (datetime.fromisoformat(body[name]) for name in ("since", "until"))
    assert abs(until - timezone.now()) < timedelta(minutes=2)
    assert timedelta(hours=1) <= until - since <= timedelta(minutes=62)


@pytest.mark.parametrize(
    ("field", "parameters"),
    [
        ("metric_name", {"metric_name": None}),
        ("metric", {"metric": "x"}),
        ("group_by", {"group_by": "colour"}),
        ("query_complexity", {"query_complexity": "hard"}),
        ("since", {"since": "yesterday"}),
        ("since", {"since": "2199-01-01T00:00:00Z", "until": None}),
        ("since", {"until": "2020-01-01T00:00:00Z"}),
        ("until", {"until": "9999-12-31T23:59:59-14:00"}),
        ("step", {"step": "soon"}),
        ("step", {"step": "30s"}),
        ("step", {"step": "PT90S"}),
        ("step", {"step": "0m"}),
        ("step", {"step": "2d"}),
        ("step", {"step": "1m", "since": "2020-01-01T00:00:00Z"}),
        ("service_name", {"service_name": "a\0b"}),
    ],
)
def test_what_can_not_be_asked_is_named(get: Get, field: str, parameters: Any) -> None:
    answer = get(**parameters)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


def test_it_takes_the_scope_to_read(get: Get) -> None:
    key = keys.issue("sender", [ApiKey.Scope.INGEST])[1]
    assert Browser().get(URL, headers={"X-API-Key": key}).status_code == 403


def test_a_span_is_widened_to_whole_steps_from_1970() -> None:
    since = datetime(2026, 3, 4, 12, 3, tzinfo=UTC)
    bounds = series.aligned(since, since + timedelta(minutes=7), timedelta(minutes=5))
    assert bounds == (since - timedelta(minutes=3), since + timedelta(minutes=7))
    day = timedelta(days=1)
    assert series.aligned(since, since, day) == (
        *(datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)),
    )
