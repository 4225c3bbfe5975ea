"""The fast face of ingestion: grouped commits, each request answered for itself."""

import gzip
import json
import uuid
from typing import Any

import pytest
import zstandard
from django.db import connection
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.ingest import reference
from metrics.models import PendingMinute, PerformanceMetric
from tests.metrics.fast import Post
from tests.metrics.wire import row

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


GZIP = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


def test_a_row_is_committed_when_it_is_answered(post: Post, api_key: str) -> None:
    (answer,) = post(api_key, row(request_id="r1"))
    assert (answer.status_code, answer.json()["stored"]) == (201, 1)
    assert PerformanceMetric.objects.get().request_id == "r1"
    assert PendingMinute.objects.exists()


def test_requests_at_once_are_each_stored(post: Post, api_key: str) -> None:
    answers = post(api_key, *(row(request_id=f"r{n}") for n in range(200)))
    assert {answer.status_code for answer in answers} == {201}
    assert PerformanceMetric.objects.values("request_id").distinct().count() == 200


def test_they_share_commits(post: Post, api_key: str) -> None:
    post(api_key, *(row() for _ in range(200)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM ai_performance_metrics")
        assert cursor.fetchone()[0] < 100


def test_one_bad_request_harms_no_other(post: Post, api_key: str) -> None:
    good, bad, half = post(api_key, row(), row(component="nowhere"), [row(), row(metric_value="x")])
    assert (good.status_code, bad.status_code, half.status_code) == (201, 400, 207)
    assert bad.json()["rejections"][0]["field"] == "component"
    assert half.json()["rejections"][0]["index"] == 1
    assert PerformanceMetric.objects.count() == 2


def test_repeats_in_one_group_are_stored_once(post: Post, api_key: str) -> None:
    same = row(timestamp=timezone.now().isoformat(), event_id=str(uuid.uuid4()))
    answers = post(api_key, *([same] * 20))
    assert {answer.status_code for answer in answers} == {201}
    assert PerformanceMetric.objects.count() == 1


def test_an_unknown_key_is_refused_with_its_reason(post: Post, api_key: str) -> None:
    (answer,) = post(api_key[:-1] + "_", row())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"]["field"] == "Authorization"


def test_a_reading_key_may_not_send(post: Post) -> None:
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    assert post(text, row())[0].status_code == 403


def test_a_revoked_key_is_refused_once_it_is_no_longer_kept(post: Post) -> None:
    key, text = keys.issue("sender", [ApiKey.Scope.INGEST])
    assert post(text, row())[0].status_code == 201
    keys.revoke(key)
    keys.ring.forget()
    assert post(text, row())[0].status_code == 401


def test_a_key_of_one_client_stores_for_it(post: Post, acme: Client) -> None:
    _key, text = keys.issue("sender", [ApiKey.Scope.INGEST], client=acme)
    post(text, row())
    assert PerformanceMetric.objects.get().client == acme


def test_a_body_over_the_limit_is_refused(post: Post, api_key: str, settings: Any) -> None:
    settings.INGEST_MAX_BYTES = 1000
    (answer,) = post(api_key, [row()] * 50)
    assert (answer.status_code, answer.json()["error"]["field"]) == (413, "(body)")


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_a_packed_body_is_taken(post: Post, api_key: str, encoding: str, pack: Any) -> None:
    body = pack(json.dumps([row()] * 3).encode())
    (answer,) = post(api_key, body, **{**GZIP, "Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["stored"]) == (201, 3)


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(post: Post, api_key: str) -> None:
    bomb = gzip.compress(b" " * 200_000_000)
    assert post(api_key, bomb, **GZIP)[0].status_code == 413


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"[]")[:-9]])
def test_a_broken_gzip_body_is_named(post: Post, api_key: str, body: bytes) -> None:
    (answer,) = post(api_key, body, **GZIP)
    assert (answer.status_code, answer.json()["error"]["field"]) == (415, "Content-Encoding")


def test_what_is_unusual_is_left_to_django(post: Post, api_key: str) -> None:
    unusual = [{"Content-Type": "text/csv"}, {"Content-Encoding": "br"}, {"Authorization": ""}]
    assert [post(api_key, row(), **headers)[0].status_code for headers in unusual] == [418] * 3


def test_a_writer_whose_session_was_ended_asks_to_send_again_and_recovers(
    post: Post, api_key: str
) -> None:
    post(api_key, *(row() for _ in range(50)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    first = {answer.status_code for answer in post(api_key, *(row() for _ in range(50)))}
    assert first <= {201, 503}
    before = PerformanceMetric.objects.count()
    again = post(api_key, *(row() for _ in range(50)))
    stored = sum(answer.status_code == 201 for answer in again)
    assert PerformanceMetric.objects.count() == before + stored
    assert post(api_key, row())[0].status_code in {201, 503}


def test_a_fault_of_the_portal_is_answered_and_ends_with_its_cause(
    post: Post, api_key: str
) -> None:
    """A writer that died of it would leave every later sender waiting."""
    rename = "ALTER TABLE metric_definitions RENAME COLUMN {} TO {}"
    try:
        with connection.cursor() as cursor:
            cursor.execute(rename.format("unit", "gone"))
        reference.forget()
        assert {answer.status_code for answer in post(api_key, *[row()] * 8)} == {500}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(rename.format("gone", "unit"))
    assert {answer.status_code for answer in post(api_key, *[row()] * 8)} == {201}
