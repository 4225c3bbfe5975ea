"""Whatever is sent: an answer of the documented shape, never a server error."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.ingest import schema

pytestmark = pytest.mark.django_db

LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text(max_size=8)
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
GOOD: dict[str, Any] = {
    "metric_name": "conversational_query_response_time",
    "metric_category": "ai_query",
    "metric_value": 1.5,
    "measurement_unit": "ms",
    "component": "cognitive_core",
    "service_name": "assistant",
}
# Rows that are good but for a few fields of any value: what a whole random value hardly hits.
ROWS = st.dictionaries(st.sampled_from(schema.FIELDS), JSON, max_size=2).map(
    lambda changes: {**GOOD, **changes}
)
BODIES = JSON | ROWS | st.lists(JSON | ROWS | st.just(GOOD), max_size=4)
FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check_shape(answer: Any) -> None:
    body = answer.json()
    if "error" in body:
        assert answer.status_code == 400
        assert set(body["error"]) == {"field", "problem", "fix"}
        return
    assert answer.status_code == (
        201 if not body["rejected"] else 207 if body["stored"] else 400
    )  # fmt: skip
    for found in body["rejections"]:
        assert set(found) == {"index", "field", "problem", "fix"}
        assert found["field"]
        assert found["problem"]
        assert found["fix"]


@FEW
@given(body=BODIES)
def test_any_json_value_has_an_answer(send: Any, body: Any) -> None:
    check_shape(send(body))


@FEW
@given(body=st.binary(max_size=60) | st.binary(max_size=20).map(lambda b: b'{"a": ' + b))
def test_any_bytes_have_an_answer(send: Any, body: bytes) -> None:
    check_shape(send(body))


@FEW
@given(rows=st.lists(ROWS | st.just(GOOD), min_size=1, max_size=6))
def test_decoding_at_once_equals_decoding_row_by_row(rows: list[Any]) -> None:
    body = msgspec.json.encode(rows)
    assert schema.decode(body, 10) == schema.ROWS.one_by_one(body, True, 10)


@FEW
@given(fields=ROWS)
def test_a_single_object_is_decoded_like_a_list_of_it(fields: Any) -> None:
    one, many = msgspec.json.encode(fields), msgspec.json.encode([fields])
    assert schema.decode(one, 1) == schema.decode(many, 1)
