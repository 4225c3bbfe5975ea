"""POST /api/v1/metrics/: what is stored, what is refused, and how that is said."""

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.models import PendingMinute, PerformanceMetric

pytestmark = pytest.mark.django_db

BODY_FIX = "Send one JSON object, a list of them, or one a line (application/x-ndjson)."


def rejection(answer: Any) -> dict[str, Any]:
    """The only rejection of an answer that stored nothing."""
    assert answer.status_code == 400, answer.content
    (found,) = answer.json()["rejections"]
    assert PerformanceMetric.objects.count() == 0
    return dict(found)


# --- What is stored ---------------------------------------------------------


def test_it_stores_one_object(send: Any, row: Any) -> None:
    answer = send(row())
    assert answer.status_code == 201
    assert answer.json() == {"stored": 1, "rejected": 0, "rejections": []}
    assert PerformanceMetric.objects.get().metric_value == 1234.5


def test_it_stores_a_list(send: Any, row: Any) -> None:
    answer = send([row(metric_value=value) for value in (1, 2, 3)])
    assert (answer.status_code, answer.json()["stored"]) == (201, 3)


def test_every_field_comes_back_as_it_was_sent(send: Any, row: Any, make_user: Any) -> None:
    fields = row(
        endpoint_path="/api/ai/query",
        user_id=make_user().pk,
        client_id=Client.objects.get(code="platform").pk,
        request_id="r-1",
        query_complexity="complex",
        ml_models_used=["a", "b"],
        user_satisfaction_score=4.5,
        metadata={"nested": {"list": [1, 2.5, None, True, "ü"]}, "empty": {}},
        success=False,
    )
    moment = timezone.now() - timedelta(hours=1)
    assert send({**fields, "timestamp": moment.isoformat()}).status_code == 201
    stored = PerformanceMetric.objects.values().get()
    assert {name: stored[name] for name in fields} == fields
    assert (stored["timestamp"], stored["synthetic"]) == (moment, False)


def test_what_is_not_sent_has_its_default(send: Any, row: Any) -> None:
    before = timezone.now()
    send(row())
    stored = PerformanceMetric.objects.get()
    assert (stored.client.code, stored.success, stored.metadata) == ("platform", True, None)
    assert before <= stored.timestamp <= timezone.now()


def test_a_client_may_be_named_by_its_code(send: Any, row: Any, acme: Client) -> None:
    assert send(row(client="acme")).status_code == 201
    assert PerformanceMetric.objects.get().client == acme


def test_a_key_of_one_client_reports_for_it(send: Any, row: Any, acme: Client) -> None:
    _key, text = keys.issue("acme", [ApiKey.Scope.INGEST], client=acme)
    assert send([row(), row(client="acme"), row(client_id=acme.pk)], text).status_code == 201
    assert {stored.client for stored in PerformanceMetric.objects.all()} == {acme}


def test_a_client_made_a_moment_ago_is_known(send: Any, row: Any) -> None:
    send(row())
    Client.objects.create(code="fresh", name="Fresh")
    assert send(row(client="fresh")).status_code == 201


def test_an_unknown_metric_is_taken_in_any_unit(send: Any, row: Any) -> None:
    assert send(row(metric_name="my_own", measurement_unit="count")).status_code == 201


@pytest.mark.parametrize("text", ["ü€😀", "a'b\"c;--", "\\u0000", "\\\\u0000", "line\nbreak\t"])
def test_text_is_stored_to_the_letter(send: Any, row: Any, text: str) -> None:
    assert send(row(service_name=text, metadata={text: text})).status_code == 201
    stored = PerformanceMetric.objects.get()
    assert (stored.service_name, stored.metadata) == (text, {text: text})


@pytest.mark.parametrize("value", [0, -1.5, 1e-300, 5e-324, 1e100, 0.1 + 0.2, 2**53])
def test_a_value_is_stored_to_the_last_bit(send: Any, row: Any, value: float) -> None:
    fields = {"metric_name": "a_number_of_any_sign", "measurement_unit": "count"}
    assert send(row(**fields, metric_value=value)).status_code == 201
    assert PerformanceMetric.objects.get().metric_value == value


def test_it_marks_each_minute_once_for_the_roll_up(send: Any, row: Any) -> None:
    now = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    moments = [now, now + timedelta(seconds=59), now + timedelta(seconds=60)]
    send([row(timestamp=moment.isoformat()) for moment in moments])
    marked = PendingMinute.objects.order_by("minute").values_list("minute", flat=True)
    assert [*marked] == [now, now + timedelta(minutes=1)]


# --- What is refused --------------------------------------------------------

NOW = timezone.now()
DAY = timedelta(days=1)
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("metric_name", {"metric_name": ...}, "required field is missing", "1–100 characters"),
    ("metric_value", {"metric_value": ...}, "required field is missing", "finite number"),
    ("metric_vlaue", {"metric_vlaue": 1}, "unknown", "Did you mean metric_value?"),
    ("metric_value", {"metric_value": math.nan}, "This is NaN, which is no", "finite number"),
    ("metric_value", {"metric_value": -math.inf}, "This is Infinity, which is", "finite number"),
    ("metadata", {"metadata": {"x": math.nan}}, "This is NaN, which is no", "at most 32 KiB"),
    ("metric_nam", {"metric_nam": "x"}, "unknown", "Did you mean metric_name?"),
    ("zzz", {"zzz": 1}, "unknown", "Leave it out; known: metric_name,"),
    ("metric_name", {"metric_name": ""}, "length >= 1", "1–100 characters"),
    ("metric_name", {"metric_name": "x" * 101}, "length <= 100", "1–100 characters"),
    ("metric_name", {"metric_name": None}, "Expected str, got null", "1–100 characters"),
    ("metric_value", {"metric_value": "12"}, "Expected float, got str", "finite number"),
    ("metric_value", {"metric_value": True}, "Expected float, got bool", "finite number"),
    ("metric_value", {"metric_value": 10**400}, "out of range", "finite number"),
    ("metric_value", {"metric_value": 1e101}, "further from 0 than 1e+100", "finite number"),
    ("metric_value", {"metric_value": -1e300}, "further from 0 than 1e+100", "finite number"),
    ("metric_category", {"metric_category": "other"}, "Invalid enum value", "Send ai_query"),
    ("measurement_unit", {"measurement_unit": "hours"}, "Unknown unit “hours”", "accuracy, count"),
    ("measurement_unit", {"measurement_unit": "seconds"}, "measured in ms", "Convert"),
    ("component", {"component": "brain"}, "Unknown component", "cognitive_core, data_intelli"),
    ("service_name", {"service_name": "x" * 51}, "length <= 50", "1–50 characters"),
    ("endpoint_path", {"endpoint_path": "/" * 256}, "length <= 255", "at most 255"),
    ("request_id", {"request_id": 7}, "Expected str | null, got int", "at most 100"),
    ("client", {"client": "nobody"}, "Unknown client “nobody”", "client's code"),
    ("client", {"client": "no\0body"}, "Unknown client", "client's code"),
    ("client_id", {"client_id": 999_999}, "unknown or inactive", "client's id"),
    ("client_id", {"client_id": 0}, "int >= 1", "client's id"),
    ("client_id", {"client_id": 2**31}, "int <= 2147483647", "client's id"),
    ("client_id", {"client": "platform", "client_id": 999}, "has the id", "Send one"),
    ("user_id", {"user_id": 999_999}, "There is no user 999999", "id of a user"),
    ("user_id", {"user_id": 2**40}, "int <= 2147483647", "id of a user"),
    ("user_satisfaction_score", {"user_satisfaction_score": 0}, ">= 1", "from 1 to 5"),
    ("user_satisfaction_score", {"user_satisfaction_score": 6}, "<= 5", "from 1 to 5"),
    ("query_complexity", {"query_complexity": "hard"}, "Invalid enum value", "simple, moderate"),
    ("ml_models_used", {"ml_models_used": "gpt"}, "Expected array | null", "a list of"),
    ("ml_models_used", {"ml_models_used": ["x"] * 21}, "length <= 20", "a list of"),
    ("ml_models_used", {"ml_models_used": [""]}, "length >= 1", "a list of"),
    ("ml_models_used", {"ml_models_used": ["a\0"]}, "NUL", "Remove it"),
    ("timestamp", {"timestamp": "2026-01-31T12:00:00"}, "timezone", "RFC 3339 with a zone"),
    ("timestamp", {"timestamp": "yesterday"}, "Invalid RFC3339", "RFC 3339 with a zone"),
    ("timestamp", {"timestamp": 1_767_000_000}, "got int", "RFC 3339 with a zone"),
    ("timestamp", {"timestamp": (NOW - 15 * DAY).isoformat()}, "older than the 14 days", "Leave"),
    ("timestamp", {"timestamp": "0001-01-01T00:00:00+14:00"}, "older than", "Leave it out"),
    ("timestamp", {"timestamp": (NOW + DAY).isoformat()}, "300 s ahead", "Set the clock"),
    ("timestamp", {"timestamp": "9999-12-31T23:59:59-14:00"}, "300 s ahead", "Set the clock"),
    ("success", {"success": "yes"}, "Expected bool, got str", "true or false"),
    ("metadata", {"metadata": [1]}, "Expected object | null, got array", "at most 32 KiB"),
    ("metadata", {"metadata": {"x": "y" * 33_000}}, "bytes", "at most 32 KiB"),
    ("metadata", {"metadata": {"x": "a\0b"}}, "NUL", "Remove it"),
    ("metadata", {"metadata": {"a\0": 1}}, "NUL", "Remove it"),
    ("metadata", {"metadata": {"x": "\\\0"}}, "NUL", "Remove it"),
    ("metric_name", {"metric_name": "a\0b"}, "NUL", "Remove it"),
    ("service_name", {"service_name": "a\0b"}, "NUL", "Remove it"),
    ("endpoint_path", {"endpoint_path": "a\0b"}, "NUL", "Remove it"),
    ("request_id", {"request_id": "a\0b"}, "NUL", "Remove it"),
]


@pytest.mark.parametrize(("field", "changes", "problem", "fix"), BAD)
def test_it_names_what_is_wrong_and_how_to_mend_it(
    send: Any, row: Any, field: str, changes: dict[str, Any], problem: str, fix: str
) -> None:
    body = encode(row(**changes))
    found = rejection(send(body))
    assert (found["index"], found["field"]) == (0, field)
    assert problem in found["problem"]
    assert fix in found["fix"]


def encode(fields: dict[str, Any]) -> bytes:
    """JSON by the standard library, which also writes integers of any size."""
    return json.dumps(fields).encode()


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 500])
def test_a_number_beyond_all_bounds_is_named(send: Any, row: Any, number: bytes) -> None:
    body = encode(row(metric_value=7.25)).replace(b"7.25", number)
    assert rejection(send(body))["field"] == "metric_value"


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000])
def test_a_number_that_metadata_cannot_hold_is_named(send: Any, row: Any, number: bytes) -> None:
    body = encode(row(metadata={"x": 7.25})).replace(b"7.25", number)
    assert rejection(send(body))["field"] == "metadata"


def test_metadata_holds_whole_numbers_of_fifty_digits(send: Any, row: Any) -> None:
    body = encode(row(metadata={"x": -(10**50) + 1}))
    assert send(body).status_code == 201
    assert PerformanceMetric.objects.get().metadata == {"x": -(10**50) + 1}


def test_deep_metadata_is_stored_or_refused_but_never_an_error(send: Any, row: Any) -> None:
    for depth in (50, 500, 900, 1100, 16_000):
        body = encode(row(metadata={"x": 7.25})).replace(b"7.25", b"[" * depth + b"]" * depth)
        assert send(body).status_code in {201, 400}


def test_it_refuses_rows_of_an_inactive_client(send: Any, row: Any, acme: Client) -> None:
    Client.objects.filter(pk=acme.pk).update(active=False)
    assert "unknown or inactive" in rejection(send(row(client="acme")))["problem"]


@pytest.mark.parametrize("by", ["client", "client_id"])
def test_a_key_of_one_client_reports_for_no_other(
    send: Any, row: Any, acme: Client, globex: Client, by: str
) -> None:
    _key, text = keys.issue("acme", [ApiKey.Scope.INGEST], client=acme)
    found = rejection(send(row(**{by: {"client": "globex", "client_id": globex.pk}[by]}), text))
    assert (found["field"], found["fix"]) == (by, "Leave it out.")


def test_it_keeps_the_good_rows_and_names_the_bad_by_index(send: Any, row: Any) -> None:
    rows = [row(), row(component="x"), row(), row(metric_value="y"), 7, row(user_id=999_999)]
    answer = send(rows)
    assert (answer.status_code, answer.json()["stored"]) == (207, 2)
    found = [(bad["index"], bad["field"]) for bad in answer.json()["rejections"]]
    assert found == [(1, "component"), (3, "metric_value"), (4, "(row)"), (5, "user_id")]
    assert PerformanceMetric.objects.count() == 2


@pytest.mark.parametrize("lines", [False, True])
def test_a_row_with_nan_harms_no_other_and_text_that_looks_like_it_is_text(
    send: Any, row: Any, lines: bool
) -> None:
    text = 'he said: "NaN, Infinity", [NaN]\\'
    rows = [row(request_id=text), row(metric_value=math.nan), row(request_id=text)]
    body = b"\n".join(map(encode, rows)) if lines else json.dumps(rows).encode()
    kind = "application/x-ndjson" if lines else "application/json"
    answer = send(body, content_type=kind)
    assert (answer.status_code, answer.json()["stored"]) == (207, 2)
    assert [bad["index"] for bad in answer.json()["rejections"]] == [1]
    assert {found.request_id for found in PerformanceMetric.objects.all()} == {text}


def test_it_counts_all_rejections_but_lists_a_hundred(send: Any, row: Any) -> None:
    answer = send([row(component="x")] * 150).json()
    assert (answer["rejected"], len(answer["rejections"])) == (150, 100)


# --- Bodies -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nonsense",
        b"[{]",
        b"\xff\xfe",
        b'{"metric_name": "\xff"}',
        b'{"metric_value": NaNa}',
        b'{"metric_name": "\\ud800"}',
        b'{"a": 1}, {"b": 2}',
        b'{"a": 1}]',
        b'[{"a": 1}',
        b"[]",
        b"[" * 5000,
    ],
)
def test_it_refuses_a_body_that_is_no_json(send: Any, body: bytes) -> None:
    answer = send(body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "(body)"
    assert answer.json()["error"]["fix"] == BODY_FIX


@pytest.mark.parametrize("body", [b"7", b'"text"', b"null", b"true", b"[[]]", b"[null]"])
def test_it_refuses_json_that_is_no_row(send: Any, body: bytes) -> None:
    assert rejection(send(body))["field"] == "(row)"


def test_it_refuses_too_many_rows(send: Any, row: Any, settings: Any) -> None:
    settings.INGEST_MAX_ROWS = 2
    assert send([row()] * 2).status_code == 201
    answer = send([row()] * 3)
    assert answer.status_code == 400
    assert answer.json()["error"]["problem"] == "3 rows in one request; send at most 2."


def test_it_refuses_a_body_that_is_too_large(send: Any, row: Any, settings: Any) -> None:
    settings.INGEST_MAX_BYTES = 300
    assert send(row()).status_code == 201
    answer = send([row()] * 3)
    assert answer.status_code == 413
    assert answer.json()["error"]["fix"] == "Send fewer rows in one request."


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_it_refuses_another_content_type(send: Any, row: Any, kind: str) -> None:
    answer = send(row(), content_type=kind)
    assert answer.status_code == 415
    assert answer.json()["error"]["field"] == "Content-Type"


def test_it_takes_json_with_a_charset(send: Any, row: Any) -> None:
    assert send(row(), content_type="application/json; charset=utf-8").status_code == 201
