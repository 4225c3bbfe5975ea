"""The figures of ingestion's health, against figures counted by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics import intake_health, key_usage
from metrics.ingest import tally
from metrics.intake_health import Amount, Only
from metrics.key_usage import Day, Usage
from metrics.models import Emitter, IntakeMinute, IntakeRejection, PendingMinute
from tests.metrics.fast import Post
from tests.metrics.wire import row

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 12, 30, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def key(acme: Client) -> ApiKey:
    """A key of Acme's."""
    return keys.issue("acme's", ["ingest"], client=acme)[0]


def came(
    key: ApiKey | None, minutes_ago: float, stored: int, rejected: int = 0, **more: Any
) -> IntakeMinute:
    """What came in that long before NOW, as the tally keeps it."""
    at = (NOW - MINUTE * minutes_ago).replace(second=0)
    fields = {"face": "rest", "requests": 1, **more}
    return IntakeMinute.objects.create(
        api_key=key, minute=at, stored=stored, rejected=rejected, **fields
    )


def refused(key: ApiKey | None, reason: str, count: int, days_ago: int = 0, **more: Any) -> None:
    at = NOW - timedelta(days=days_ago)
    fields = {"face": "rest", "example": f"{reason} {days_ago}", **more}
    IntakeRejection.objects.create(
        api_key=key, reason=reason, count=count, day=at.date(), last_at=at, **fields
    )


def test_rates_are_of_the_minute_under_way_the_hour_and_the_day(key: ApiKey) -> None:
    came(key, 0, 10, 2)  # 15 s of the minute under way
    came(key, 1, 100, requests=4)
    came(key, 2, 1000)
    came(key, 59, 10_000)
    came(key, 60, 100_000)  # no longer the hour's
    came(key, 24 * 60 - 1, 1_000_000)
    came(key, 24 * 60, 7)  # no longer the day's
    [one] = intake_health.traffic(IntakeMinute.objects.all(), NOW)
    assert one.face == "rest"
    assert one.now == Amount(requests=5, stored=110, rejected=2, seconds=75)
    assert one.hour == Amount(requests=7, stored=11_110, rejected=2, seconds=59 * 60 + 15)
    assert one.day == Amount(9, 1_111_110, 2, seconds=(24 * 60 - 1) * 60 + 15)


def test_each_face_has_its_own_traffic_and_lag(key: ApiKey) -> None:
    for minutes_ago, lag in ((0, 1.0), (1, 2.0), (2, 90.0), (90, 5000.0)):
        came(key, minutes_ago, 1, lag_max_seconds=lag)
    came(key, 1, 5, face="otlp")
    otlp, rest = intake_health.traffic(IntakeMinute.objects.all(), NOW)
    assert (otlp.face, otlp.hour.stored, otlp.lag_max, otlp.lag_typical) == ("otlp", 5, None, None)
    assert (rest.lag_max, rest.lag_typical) == (90.0, 2.0)


def test_the_hours_series_has_a_pair_for_each_minute(key: ApiKey) -> None:
    came(key, 0, 1)
    came(None, 0, 2, 3)
    came(key, 59, 4)
    came(key, 60, 5)
    series = intake_health.series(IntakeMinute.objects.all(), NOW)
    assert len(series) == 60
    assert (series[0], series[-1]) == ((4, 0), (3, 3))
    assert sum(map(sum, series)) == 10


def test_reasons_add_up_over_days_with_the_latest_example(key: ApiKey) -> None:
    refused(key, "unit", 5, days_ago=1)
    refused(key, "unit", 7)
    refused(key, "unit", 100, days_ago=8)
    refused(None, "401 Authorization", 20)
    found = intake_health.reasons(
        IntakeRejection.objects.all(), NOW.date() - timedelta(days=6), most=10
    )
    assert [(one.reason, one.count, one.key_id) for one in found] == [
        ("401 Authorization", 20, None),
        ("unit", 12, key.pk),
    ]
    assert (found[1].example, found[1].last_at, found[1].key_name) == ("unit 0", NOW, str(key))
    assert found[0].key_name == ""


def test_refusals_for_sending_too_much_are_counted_with_their_keys(key: ApiKey) -> None:
    refused(key, "429 (request)", 5)
    refused(key, "429 (request)", 2, face="otlp")
    refused(key, "4290", 1)
    refused(key, "429 (request)", 9, days_ago=1)
    assert intake_health.over_limit(IntakeRejection.objects.all(), NOW.date()) == (7, 1)


def test_figures_are_narrowed_to_a_key_and_a_face(make_user: Any, key: ApiKey) -> None:
    person = make_user()
    came(key, 0, 1)
    came(key, 0, 2, face="otlp")
    came(None, 0, 4)
    for only, stored in ((Only(key.pk), 3), (Only(face="rest"), 5), (Only(key.pk, "otlp"), 2)):
        minutes = intake_health.minutes_for(person, only)
        assert sum(one.stored for one in minutes) == stored


def test_a_person_sees_the_figures_of_their_clients_keys_alone(
    make_user: Any, key: ApiKey, globex: Client
) -> None:
    others = [None, keys.issue("all", ["ingest"])[0], keys.issue("g", ["read"], client=globex)[0]]
    for one in (key, *others):
        came(one, 0, 1)
        refused(one, "unit", 1)
    limited, unlimited = make_user(clients=[key.client]), make_user()
    for figures in (intake_health.minutes_for, intake_health.rejections_for):
        assert [one.api_key for one in figures(limited)] == [key]
        assert figures(unlimited).count() == 4


# --- Silence ---------------------------------------------------------------------


def test_a_service_is_silent_after_its_own_time_or_the_default(settings: Any, acme: Client) -> None:
    settings.SILENT_AFTER_SECONDS = 900

    def emitter(name: str, seconds_ago: int, **more: Any) -> None:
        seen = NOW - timedelta(seconds=seconds_ago)
        Emitter.objects.create(
            client=acme, component="c", service_name=name, last_seen_at=seen, **more
        )

    emitter("default, silent", 901)
    emitter("default, reporting", 900)
    emitter("own, silent", 61, silent_after_seconds=60)
    emitter("own, reporting", 5000, silent_after_seconds=6000)
    emitter("muted", 9000, muted=True)
    found = intake_health.silent(Emitter.objects.all(), NOW)
    assert {one.service_name for one in found} == {"default, silent", "own, silent"}


# --- Backlog ---------------------------------------------------------------------


def test_the_backlog_counts_a_minute_once_however_often_it_is_marked(
    make_user: Any, acme: Client, globex: Client
) -> None:
    def mark(client: Client, metric: str, minutes_ago: int) -> None:
        at = NOW.replace(second=0) - MINUTE * minutes_ago
        PendingMinute.objects.create(client=client, metric_name=metric, minute=at)

    for _ in range(3):
        mark(acme, "a", 1)
    mark(acme, "a", 2)
    mark(globex, "b", 9)
    whole = intake_health.backlog(make_user())
    assert (whole.minutes, whole.metrics, whole.capped) == (3, [("a", 2), ("b", 1)], False)
    assert whole.oldest == NOW.replace(second=0) - MINUTE * 9
    limited = intake_health.backlog(make_user(clients=[acme]))
    assert (limited.minutes, limited.metrics) == (2, [("a", 2)])
    assert intake_health.backlog(make_user(clients=[])).minutes == 0


def test_a_huge_backlog_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, make_user: Any, acme: Client
) -> None:
    monkeypatch.setattr(intake_health, "MOST_MARKS", 3)
    marks = [PendingMinute(client=acme, metric_name=f"m{n}", minute=NOW) for n in range(4)]
    PendingMinute.objects.bulk_create(marks[:3])
    assert not intake_health.backlog(make_user()).capped
    PendingMinute.objects.bulk_create(marks[3:])
    found = intake_health.backlog(make_user())
    assert (found.capped, found.minutes) == (True, 4)


# --- Keys ------------------------------------------------------------------------


def test_a_keys_days_are_those_of_the_persons_time_zone(key: ApiKey) -> None:
    came(key, 12 * 60 + 29, 1, 4)  # 00:01 UTC
    came(key, 12 * 60 + 32, 2)  # 23:58 UTC of the day before
    came(None, 0, 99)
    with timezone.override("UTC"):
        assert key_usage.days(key.pk, NOW, 2) == [
            Day((NOW - timedelta(days=1)).date(), 1, 2, 0),
            Day(NOW.date(), 1, 1, 4),
        ]
        assert key_usage.usage([key.pk], NOW) == {key.pk: Usage(1, 4, 3, 4)}
    with timezone.override("America/New_York"):  # both were on the evening before
        assert key_usage.days(key.pk, NOW, 2)[1] == Day(NOW.date())
        assert key_usage.usage([key.pk], NOW) == {key.pk: Usage(0, 0, 3, 4)}


def test_a_week_is_seven_days_with_today(key: ApiKey) -> None:
    came(key, 6 * 24 * 60, 1)
    came(key, 7 * 24 * 60, 10)
    assert key_usage.usage([key.pk], NOW)[key.pk].week_stored == 1
    assert len(key_usage.days(key.pk, NOW)) == 14


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_is_sent_is_what_is_shown(post: Post, api_key: str, make_user: Any) -> None:
    post(api_key, [row(), row(component="nowhere")])
    tally.flush()
    person, now = make_user(), timezone.now()
    [one] = intake_health.traffic(intake_health.minutes_for(person), now)
    assert (one.now.requests, one.now.stored, one.now.rejected) == (1, 1, 1)
    assert intake_health.backlog(person).minutes >= 1
    [reason] = intake_health.reasons(intake_health.rejections_for(person), now.date(), 5)
    assert (reason.reason, reason.count) == ("component", 1)
