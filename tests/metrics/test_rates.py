"""The token bucket of each key, and the 429 that comes of it."""

import pytest

from accounts import keys
from accounts.models import ApiKey
from metrics.ingest import service
from metrics.ingest.rates import MOST, Rates
from metrics.models import PerformanceMetric
from tests.metrics.fast import Post
from tests.metrics.wire import row


def test_a_key_may_send_a_minutes_worth_at_once_and_then_waits() -> None:
    rates = Rates()
    assert rates.wait(1, 60, 0.0) == 0
    rates.charge(1, 60, 60, 0.0)
    assert rates.wait(1, 60, 0.0) == 1
    assert rates.wait(1, 60, 1.0) == 0


def test_a_request_that_overdraws_is_paid_back_in_time() -> None:
    rates = Rates()
    rates.charge(1, 60, 90, 0.0)
    assert rates.wait(1, 60, 0.0) == 31
    assert rates.wait(1, 60, 29.0) == 2
    assert rates.wait(1, 60, 31.0) == 0


def test_what_is_saved_up_is_never_more_than_a_minutes_worth() -> None:
    rates = Rates()
    rates.charge(1, 60, 1, 0.0)
    rates.charge(1, 60, 60, 10_000.0)
    assert rates.wait(1, 60, 10_000.0) == 1


def test_requests_without_rows_are_not_free() -> None:
    rates = Rates()
    for _ in range(60):
        rates.charge(1, 60, 0, 0.0)
    assert rates.wait(1, 60, 0.0) > 0


def test_one_keys_debt_is_not_anothers() -> None:
    rates = Rates()
    rates.charge(1, 60, 600, 0.0)
    assert rates.wait(2, 60, 0.0) == 0


def test_no_limit_means_none() -> None:
    rates = Rates()
    rates.charge(1, 0, 10**9, 0.0)
    assert rates.wait(1, 0, 0.0) == 0


def test_the_buckets_are_bounded() -> None:
    rates = Rates()
    for key in range(MOST + 10):
        rates.charge(key, 60, 1, 0.0)
    assert len(rates._buckets) == MOST


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_past_its_limit_a_key_is_told_when_to_come_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "rates", Rates())
    key, text = keys.issue("slow", [ApiKey.Scope.INGEST])
    ApiKey.objects.filter(pk=key.pk).update(rows_per_minute=6)
    assert post(text, [row()] * 10)[0].status_code == 201
    (answer,) = post(text, row())
    assert answer.status_code == 429
    assert 30 <= int(answer.headers["Retry-After"]) <= 41
    assert "6 rows a minute" in answer.json()["error"]["problem"]
    assert PerformanceMetric.objects.count() == 10
