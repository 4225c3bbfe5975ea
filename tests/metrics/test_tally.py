"""What the portal knows of its own ingestion."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import ApiKey
from metrics import tasks
from metrics.ingest import tally
from metrics.models import Emitter, IntakeMinute, IntakeRejection
from tests.metrics.fast import Post
from tests.metrics.threads import at_once
from tests.metrics.wire import row

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def totals() -> dict[str, int]:
    found = {"requests": 0, "stored": 0, "rejected": 0}
    for minute in IntakeMinute.objects.all():
        for name in found:
            found[name] += getattr(minute, name)
    return found


def test_requests_rows_and_rejects_are_counted_by_key_and_face(post: Post, api_key: str) -> None:
    post(api_key, [row()] * 3, [row(), row(component="nowhere")])
    tally.flush()
    assert totals() == {"requests": 2, "stored": 4, "rejected": 1}
    minute = IntakeMinute.objects.first()
    assert minute is not None
    assert (minute.face, minute.api_key) == ("rest", ApiKey.objects.get())
    assert minute.lag_max_seconds is not None
    reason = IntakeRejection.objects.get()
    assert (reason.reason, reason.count) == ("component", 1)
    assert "nowhere" in reason.example


def test_flushes_add_up(post: Post, api_key: str) -> None:
    for _ in range(3):
        post(api_key, row(component="nowhere"))
        tally.flush()
    assert IntakeRejection.objects.get().count == 3
    assert totals()["rejected"] == 3


def test_a_refused_key_is_counted_without_one(post: Post) -> None:
    post("aiosmon_abc_def", row())
    tally.flush()
    assert IntakeRejection.objects.get().reason == "401 Authorization"
    assert IntakeMinute.objects.get().api_key is None


def test_services_that_report_are_remembered_with_their_last_time(post: Post, api_key: str) -> None:
    post(api_key, row(service_name="a"), row(service_name="b"))
    tally.flush()
    first = Emitter.objects.get(service_name="a")
    post(api_key, row(service_name="a"))
    tally.flush()
    assert Emitter.objects.count() == 2
    again = Emitter.objects.get(service_name="a")
    assert again.last_seen_at > first.last_seen_at
    assert again.first_seen_at == first.first_seen_at


def test_counts_survive_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, api_key: str
) -> None:
    tally.counted("rest", None, stored=2)

    def away(counts: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(tally, "_write", away)
        tally.flush()
    tally.counted("rest", None, stored=3)
    tally.flush()
    assert totals()["stored"] == 5


def test_what_one_flush_holds_is_bounded() -> None:
    for number in range(tally.MOST + 50):
        tally.refused("rest", None, f"reason {number}", "x")
    tally.flush()
    assert IntakeRejection.objects.count() == tally.MOST + 1
    assert IntakeRejection.objects.get(reason=tally.OTHER).count == 50


def test_processes_that_flush_at_once_lose_nothing() -> None:
    def count() -> None:
        mine = tally.Tally()
        for number in range(20):
            for reason in ("a", "b") if number % 2 else ("b", "a"):
                mine.refused("rest", None, reason, "x")
                mine.counted("rest", None, rejected=1)
            mine.flush()

    at_once(*[count] * 4)
    assert {one.reason: one.count for one in IntakeRejection.objects.all()} == {"a": 80, "b": 80}
    assert totals()["rejected"] == 160


def test_text_that_the_database_can_not_hold_is_no_obstacle() -> None:
    tally.refused("rest", None, "a\0b", "\ud800" + "x" * 1000)
    tally.flush()
    assert IntakeRejection.objects.get().reason == "a�b"


def test_old_figures_are_forgotten(settings: Any) -> None:
    tally.counted("rest", None)
    tally.refused("rest", None, "x", "y")
    tally.flush()
    old = timezone.now() - timedelta(days=settings.ROW_RETENTION_DAYS + 2)
    IntakeMinute.objects.update(minute=old)
    IntakeRejection.objects.update(day=old.date())
    assert tasks.maintain()["figures_forgotten"] == 2
