"""What OTLP/HTTP asks of a server: answers in kind, errors as Status, retryable codes."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts import keys
from accounts.models import ApiKey
from metrics.ingest import service
from metrics.models import PerformanceMetric
from metrics.otlp import mapping
from tests.metrics.fast import Post
from tests.metrics.otlp import PROTOBUF, span, traces

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PATHS = sorted(path for path in service.BY_PATH if path.startswith("/v1/"))
FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def fresh_mapping() -> None:
    mapping.forget()


def sent(post: Post, key: str, body: bytes, path: str = "/v1/traces", **headers: str) -> Any:
    kinds = {"Content-Type": PROTOBUF} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return post(key, body, path=path, **kinds)[0]


def as_json(message: Any) -> dict[str, Any]:
    """OTLP's JSON: ids in hexadecimal."""
    content: dict[str, Any] = json_format.MessageToDict(message)
    for one in content["resourceSpans"]:
        for scope in one["scopeSpans"]:
            for made, told in zip(
                message.resource_spans[0].scope_spans[0].spans, scope["spans"], strict=True
            ):
                told["traceId"], told["spanId"] = made.trace_id.hex(), made.span_id.hex()
    return content


def test_json_with_hexadecimal_ids_is_the_same_span(post: Post, api_key: str) -> None:
    message = traces(span())
    body = json.dumps(as_json(message)).encode()
    answer = sent(post, api_key, body, Content_Type="application/json")
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    sent(post, api_key, message.SerializeToString())
    made = message.resource_spans[0].scope_spans[0].spans[0]
    assert PerformanceMetric.objects.get().request_id == made.trace_id.hex()


def test_gzip_is_unpacked(post: Post, api_key: str) -> None:
    body = gzip.compress(traces(span()).SerializeToString())
    assert sent(post, api_key, body, Content_Encoding="gzip").status_code == 200
    assert PerformanceMetric.objects.count() == 1


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_message_is_a_good_one(post: Post, api_key: str, path: str) -> None:
    answer = sent(post, api_key, b"", path)
    assert (answer.status_code, answer.content) == (200, b"")


def bad_key(post: Post, key: str) -> Any:
    return sent(post, "aiosmon_wrong", b"")


def no_scope(post: Post, key: str) -> Any:
    return sent(post, keys.issue("reader", [ApiKey.Scope.READ])[1], b"")


def bad_body(post: Post, key: str) -> Any:
    return sent(post, key, b"\xff\xff")


def bad_type(post: Post, key: str) -> Any:
    return sent(post, key, b"", Content_Type="text/plain")


def bad_encoding(post: Post, key: str) -> Any:
    return sent(post, key, b"", Content_Encoding="br")


def too_large(post: Post, key: str) -> Any:
    return sent(post, key, gzip.compress(bytes(9 * 2**20)), Content_Encoding="gzip")


def too_many(post: Post, key: str) -> Any:
    return sent(post, key, traces(*[span()] * 10_001).SerializeToString())


@pytest.mark.parametrize(
    ("send", "status", "code"),
    [
        (bad_key, 401, 16),
        (no_scope, 403, 7),
        (bad_body, 400, 3),
        (bad_type, 415, 3),
        (bad_encoding, 415, 3),
        (too_large, 413, 8),
        (too_many, 413, 8),
    ],
)
def test_errors_are_a_status_in_the_requests_content_type(
    post: Post, api_key: str, send: Callable[[Post, str], Any], status: int, code: int
) -> None:
    answer = send(post, api_key)
    assert answer.status_code == status
    if answer.headers["content-type"] == PROTOBUF:
        told = Status.FromString(answer.content)
    else:
        assert send is bad_type
        told = json_format.Parse(answer.content, Status())
    assert told.code == code
    assert told.message


def test_a_database_that_is_away_asks_for_the_batch_again(
    post: Post, api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_batch: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(service, "commit", away)
    answer = sent(post, api_key, traces(span()).SerializeToString())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert Status.FromString(answer.content).code == 14


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
SPAN_FIELDS = (
    *("traceId", "spanId", "name", "kind"),
    *("startTimeUnixNano", "endTimeUnixNano", "attributes", "status"),
)
NAMES = (
    *("gen_ai.request.model", "error.type", "aiosmon.client", "aiosmon.component", "http.route"),
    *("aiosmon.query_complexity", "gen_ai.usage.input_tokens", "service.name"),
)
ANY_SPAN = st.dictionaries(
    st.sampled_from(
        [
            "traceId",
            "spanId",
            "name",
            "kind",
            "startTimeUnixNano",
            "endTimeUnixNano",
            "attributes",
            "status",
        ]
    ),
    JSON,
)


@FEW
@given(body=st.binary(max_size=400), path=st.sampled_from(PATHS), is_json=st.booleans())
@example(body=b"[" * 5_000, path="/v1/traces", is_json=True)
@example(body=b'{"resourceSpans":' * 5_000, path="/v1/traces", is_json=True)
@example(body=b"\n\x02\n\x00" * 2_000, path="/v1/traces", is_json=False)
def test_any_bytes_are_taken_or_refused_by_name(
    post: Post, api_key: str, body: bytes, path: str, is_json: bool
) -> None:
    kind = "application/json" if is_json else PROTOBUF
    answer = sent(post, api_key, body, path, Content_Type=kind)
    assert answer.status_code in {200, 400}


@FEW
@given(spans=st.lists(ANY_SPAN, max_size=3))
def test_spans_of_any_json_are_taken_or_refused_by_name(
    post: Post, api_key: str, spans: list[Any]
) -> None:
    content = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    body = json.dumps(content).encode()
    answer = sent(post, api_key, body, Content_Type="application/json")
    assert answer.status_code in {200, 400}


@FEW
@given(
    attributes=st.dictionaries(
        st.sampled_from(NAMES),
        st.text(max_size=9) | st.integers(-9, 9) | st.floats() | st.booleans()
        | st.lists(st.text(max_size=3), max_size=2),
    ),
    name=st.text(max_size=9),
    ids=st.tuples(st.binary(max_size=17), st.binary(max_size=9)),
    times=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
)  # fmt: skip
def test_any_span_is_stored_or_refused_by_name(
    post: Post,
    api_key: str,
    attributes: dict[str, Any],
    name: str,
    ids: tuple[bytes, bytes],
    times: tuple[int, int],
) -> None:
    made = span(
        {"gen_ai.operation.name": "chat", **attributes},
        name=name,
        trace_id=ids[0],
        span_id=ids[1],
        start_time_unix_nano=times[0],
        end_time_unix_nano=times[1],
    )
    answer = sent(post, api_key, traces(made, span()).SerializeToString())
    assert answer.status_code == 200
