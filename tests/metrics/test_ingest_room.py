"""What arrives has bounds: too much at once is let go, too many objects are never made."""

import asyncio
import json
from typing import Any

import pytest

from metrics.ingest import asgi
from metrics.ingest.asgi import Ingestion
from metrics.ingest.counting import filled_lines, has_more_elements
from metrics.ingest.rest import Rest
from metrics.models import PerformanceMetric
from tests.metrics.fast import Post, inner
from tests.metrics.wire import row

MOST = 100
JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
# Enough commas for a body to be looked at.
DENSE = b'{"a":[' + b"1," * (64 * MOST) + b"1]}"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_body_without_room_is_asked_to_come_again_and_leaves_no_trace(
    post: Post, api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "MAX_WAITING_BYTES", 5_000)
    small, large = json.dumps(row()).encode(), json.dumps([row() for _ in range(50)]).encode()
    (answer,) = post(api_key, large, **JSON)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    # Were the bytes of those that were let go still counted, there would be no room now.
    assert [one.status_code for one in post(api_key, small, **JSON)] == [201]
    assert PerformanceMetric.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_list_of_millions_is_refused_by_its_length(post: Post, api_key: str) -> None:
    (answer,) = post(api_key, b"[" + b"1," * 2_000_000 + b"1]", **JSON)
    assert answer.status_code == 400
    assert "More than 10000 rows" in answer.json()["error"]["problem"]


@pytest.mark.parametrize(
    ("body", "has_more"),
    [
        (b"[" + b"1," * (64 * MOST + 1) + b"1]", True),
        (b"[" + b",".join([DENSE] * MOST) + b"]", False),
        (b"[" + b",".join([DENSE] * (MOST + 1)) + b"]", True),
        (b"[" + DENSE + b', "a,b,\\",[", 3]', False),
        # A fault before the limit is passed: the decoder's to say.
        (b"[" + DENSE + b",}" + b"1," * MOST + b"1]", False),
        # An ordinary body is not looked at.
        (b"[" + b"1," * (MOST + 1) + b"1]", False),
    ],
)
def test_elements_are_counted_without_being_made(body: bytes, has_more: bool) -> None:
    assert has_more_elements(body, MOST) is has_more


@pytest.mark.parametrize(
    ("body", "lines"), [(b"", 0), (b"\n \n", 0), (b"1\r\n\n2", 2), (b"{}\n{}\n", 2)]
)
def test_blank_lines_do_not_count(body: bytes, lines: int) -> None:
    assert filled_lines(body) == lines


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_lines_are_counted_before_they_are_split(post: Post, api_key: str) -> None:
    (answer,) = post(api_key, b"1\n" * 10_001, **LINES)
    assert answer.status_code == 400
    assert answer.json()["error"]["problem"] == "10001 rows in one request; send at most 10000."


@pytest.mark.django_db
def test_half_a_body_is_not_taken_for_a_whole_one(api_key: str) -> None:
    line = json.dumps(row()).encode() + b"\n"
    messages = iter(
        [
            {"type": "http.request", "body": line, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    app = Ingestion(inner)
    headers = [
        (b"authorization", f"Bearer {api_key}".encode()),
        (b"content-type", b"application/x-ndjson"),
    ]
    scope = {"type": "http", "method": "POST", "path": Rest.path, "headers": headers}
    asyncio.run(app(scope, receive, send))
    app.close()
    assert (sent, PerformanceMetric.objects.count()) == ([], 0)
