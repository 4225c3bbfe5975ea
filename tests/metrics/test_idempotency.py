"""Idempotency-Key: the same request again stores nothing and gets the same answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from metrics.ingest import idempotency, service
from metrics.ingest.faces import Incoming
from metrics.models import IdempotencyKey, PendingMinute, PerformanceMetric
from tests.metrics.fast import Post
from tests.metrics.threads import at_once
from tests.metrics.wire import row

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

KEY = {"Idempotency-Key": "order-1"}


def test_a_repeat_stores_nothing_and_gets_the_very_same_answer(post: Post, api_key: str) -> None:
    body = [row(), row(component="nowhere")]
    (first,) = post(api_key, body, **KEY)
    (second,) = post(api_key, body, **KEY)
    assert first.status_code == second.status_code == 207
    assert first.content == second.content
    assert "Idempotent-Replay" not in first.headers
    assert second.headers["Idempotent-Replay"] == "true"
    assert PerformanceMetric.objects.count() == 1


def test_another_body_under_the_same_key_is_a_named_conflict(post: Post, api_key: str) -> None:
    post(api_key, row(), **KEY)
    (answer,) = post(api_key, row(metric_value=2), **KEY)
    assert answer.status_code == 409
    assert answer.json()["error"]["field"] == "Idempotency-Key"
    assert PerformanceMetric.objects.count() == 1


def test_an_answer_that_stored_nothing_is_repeated_too(post: Post, api_key: str) -> None:
    answers = [post(api_key, row(component="nowhere"), **KEY)[0] for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content


def test_equal_requests_at_once_are_stored_once_and_answered_alike(
    post: Post, api_key: str
) -> None:
    answers = post(api_key, *([row()] * 50), **KEY)
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert sum("Idempotent-Replay" not in answer.headers for answer in answers) == 1
    assert PerformanceMetric.objects.count() == 1


def test_groups_that_hold_the_same_keys_in_other_orders_never_wait_for_each_other(
    api_key: str,
) -> None:
    def request(name: str) -> Incoming:
        body = b"[%s]" % _encoded(row(request_id=name))
        return Incoming(api_key, body, headers={b"idempotency-key": name.encode()})

    names = [f"k{number}" for number in range(30)]
    groups = [names, names[::-1]] * 3
    answers = at_once(
        *[
            lambda group=group: service.receive([request(name) for name in group])
            for group in groups
        ]
    )
    assert {answer.status for group in answers for answer in group} == {201}
    assert PerformanceMetric.objects.count() == 30


def test_keys_of_different_api_keys_have_nothing_to_do_with_each_other(
    post: Post, api_key: str
) -> None:
    _, other = keys.issue("other", [ApiKey.Scope.INGEST])
    answers = [
        post(one, row(metric_value=number), **KEY)[0] for number, one in enumerate((api_key, other))
    ]
    assert [answer.status_code for answer in answers] == [201, 201]


def test_after_its_hours_a_key_counts_as_new(post: Post, api_key: str) -> None:
    post(api_key, row(), **KEY)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    (answer,) = post(api_key, row(metric_value=2), **KEY)
    assert answer.status_code == 201
    assert PerformanceMetric.objects.count() == 2
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency.forget_old(timezone.now()) == 1


@pytest.mark.parametrize("value", ["", "x" * 256, "tab\there", "del\x7f"])
def test_a_value_that_can_be_no_key_is_a_named_error(post: Post, api_key: str, value: str) -> None:
    (answer,) = post(api_key, row(), **{"Idempotency-Key": value})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "Idempotency-Key"
    assert PerformanceMetric.objects.count() == 0


def test_a_claim_whose_rows_could_not_be_committed_is_no_claim(post: Post, api_key: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE pending_minutes IN ACCESS EXCLUSIVE MODE")
        (answer,) = at_once(lambda: _impatient(api_key))
    assert answer.status == 503
    assert not IdempotencyKey.objects.exists()
    assert not PerformanceMetric.objects.exists()
    (again,) = post(api_key, row(), **KEY)
    assert again.status_code == 201
    assert PendingMinute.objects.exists()


def _impatient(api_key: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    request = Incoming(api_key, _encoded(row()), headers={b"idempotency-key": b"order-1"})
    return service.receive([request])[0]


def _encoded(content: Any) -> bytes:
    import msgspec

    return msgspec.json.encode(content)
