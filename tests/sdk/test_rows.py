"""What the portal would refuse is mended or counted; the portal's own decoder is the judge."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import RFC_4122, UUID

import msgspec
import pytest
from aiosmon_sdk import Client
from aiosmon_sdk.call import Call
from aiosmon_sdk.options import Options
from aiosmon_sdk.rows import Encoder, Unfit
from aiosmon_sdk.tally import event_ids
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest.schema import Row
from tests.sdk.portal import FakePortal

OPTIONS = Options(url="http://portal", api_key="key", service_name="tests")
MakeClient = Callable[..., Client]


def decoded(**fields: Any) -> tuple[Row, int]:
    """The row as the portal reads it, and how many fields were clipped."""
    call = Call(fields.pop("metric_name", "work"), fields.pop("category", "ai_query"), None)
    for name, value in fields.items():
        setattr(call, name, value)
    encoder = Encoder(OPTIONS)
    row = msgspec.json.decode(encoder.encode(call, None), type=Row)
    # msgspec has read it as UTF-8; PostgreSQL takes no NUL, the portal no larger metadata.
    texts = [row.metric_name, row.endpoint_path, row.request_id, row.ml_models_used, row.metadata]
    assert b"\\u0000" not in msgspec.json.encode(texts).replace(rb"\\\\", b"")
    assert len(msgspec.json.encode(row.metadata)) <= 32 * 1024
    return row, encoder.clipped


def test_it_keeps_what_fits() -> None:
    row, clipped = decoded(
        value=12.5, unit="seconds", endpoint="/a", client="acme", request_id="r1",
        complexity="simple", models=["ä", "b"], satisfaction=4, user_id=7,
        metadata={"ünï": [1, 2.5, None, {"a": True}]}, status=200, method="GET",
        timestamp=datetime(2026, 1, 31, 12, tzinfo=UTC),
    )  # fmt: skip
    assert clipped == 0
    assert (row.metric_value, row.measurement_unit, row.endpoint_path) == (12.5, "seconds", "/a")
    assert (row.client, row.request_id, row.query_complexity) == ("acme", "r1", "simple")
    assert (row.ml_models_used, row.user_satisfaction_score, row.user_id) == (["ä", "b"], 4, 7)
    assert row.metadata == {
        "ünï": [1, 2.5, None, {"a": True}], "http_status": 200, "http_method": "GET"
    }  # fmt: skip
    assert row.timestamp == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_the_timestamp_is_the_start_of_the_call() -> None:
    before = datetime.now(UTC)
    row, _ = decoded()
    assert row.timestamp is not None
    assert abs((row.timestamp - before).total_seconds()) < 1


@pytest.mark.parametrize(
    ("fields", "attribute", "expected"),
    [
        ({"metric_name": "n" * 101}, "metric_name", "n" * 100),
        ({"endpoint": "/" * 300}, "endpoint_path", "/" * 255),
        ({"request_id": "r" * 101}, "request_id", "r" * 100),
        ({"request_id": "a\0b\ud800"}, "request_id", "ab?"),
        ({"client": "c" * 51}, "client", None),
        ({"complexity": "hard"}, "query_complexity", None),
        ({"models": ["m"] * 21}, "ml_models_used", ["m"] * 20),
        ({"models": ["m" * 101]}, "ml_models_used", ["m" * 100]),
        ({"satisfaction": 6}, "user_satisfaction_score", None),
        ({"user_id": 0}, "user_id", None),
        ({"metadata": {"a": math.nan}}, "metadata", {"a": "nan"}),
        ({"metadata": {"a\0": "b\ud800"}}, "metadata", {"a": "b?"}),
        ({"metadata": {"a": "x" * 40_000}}, "metadata", {"metadata_left_out": "40008 bytes"}),
    ],
)
def test_it_mends_what_the_portal_would_refuse(
    fields: dict[str, Any], attribute: str, expected: object
) -> None:
    row, clipped = decoded(**fields)
    assert getattr(row, attribute) == expected
    assert clipped == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"value": 1e101},
        {"value": "fast"},
        {"category": "other"},
        {"metric_name": ""},
        {"unit": None},
        {"timestamp": "yesterday"},
    ],
)
def test_it_gives_up_a_row_without_a_usable_name_or_value(fields: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        decoded(**fields)


def test_metadata_nested_without_end_is_no_trouble() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    row, clipped = decoded(metadata=endless)
    assert clipped == 1
    assert row.metadata is not None


plain = st.none() | st.text(min_size=1, max_size=60)


@given(
    st.fixed_dictionaries(
        {"endpoint": plain, "client": plain, "request_id": plain, "success": st.booleans()},
        optional={
            "status": st.integers(200, 599),
            "method": plain,
            "complexity": st.sampled_from(["simple", "hard", ["simple"]]),
            "models": st.lists(plain, max_size=2),
            "value": st.floats(0, 1e9),
            "error": plain,
            "aborted": st.booleans(),
            "metadata": st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
        },
    )
)
def test_what_is_kept_of_an_ordinary_call_makes_the_same_row(fields: dict[str, Any]) -> None:
    call, encoder = Call("work", "ai_query", None), Encoder(OPTIONS)
    for name, value in fields.items():
        setattr(call, name, value)
    call.ended = call.started + 0.0123
    try:
        whole = msgspec.json.decode(encoder.encode(call, None))
    except TypeError:
        # No hash: the call itself is kept, and given up by the exporter's thread.
        assert encoder.shortened(call) is call
        return
    assert msgspec.json.decode(encoder.encode(encoder.shortened(call), None)) == whole


def test_an_ordinary_call_is_not_kept_itself() -> None:
    call, encoder = Call("work", "ai_query", None, "/a", "GET", "acme", "r1"), Encoder(OPTIONS)
    call.status = 200
    encoder.encode(call, None)
    assert encoder.shortened(call) is not call


def test_event_ids_are_uuids_that_follow_one_another() -> None:
    batches = [[*islice(event_ids(), 600)] for _ in range(50)]
    ids = [UUID(one) for batch in batches for one in batch]
    assert len(set(ids)) == 30_000
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(batch == sorted(batch) for batch in batches)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"metadata": st.dictionaries(st.text() | st.integers(), anything, max_size=4)},
        optional={
            "value": anything,
            "endpoint": st.none() | st.text(max_size=400),
            "client": st.none() | st.text(min_size=1, max_size=90),
            "request_id": st.none() | st.text(max_size=300),
            "models": st.lists(st.text(max_size=150), max_size=30),
            "satisfaction": anything,
            "user_id": anything,
        },
    )
)
def test_any_row_is_taken_by_the_portal_or_given_up(fields: dict[str, Any]) -> None:
    try:
        row, _ = decoded(**fields)
    except Unfit:
        assert "value" in fields
    else:
        assert math.isfinite(row.metric_value)


def test_unfit_rows_are_counted_and_never_raise(portal: FakePortal, client: Client) -> None:
    client.record("work", math.nan)
    client.record("work", 1, category="nonsense")
    client.record("work", 2, models=5)
    client.record("work", 3)
    assert client.flush(5)
    assert [row["metric_value"] for row in portal.rows] == [3]
    assert client.stats()["dropped"] == 3
