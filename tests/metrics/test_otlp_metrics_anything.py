"""Any well-formed metrics message is answered: stored, or refused point by point; never a 500."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from accounts.models import ApiKey
from metrics import rollups
from metrics.models import HistogramPoint, MinuteRollup, PendingMinute, PerformanceMetric
from metrics.otlp import mapping
from tests.metrics.fast import Post
from tests.metrics.otlp import PROTOBUF, pairs
from tests.metrics.otlp_metrics import (
    CHOICES,
    DURATION,
    TOKENS,
    at,
    buckets,
    counter,
    explicit,
    exponential,
    gauge,
    request,
)
from tests.metrics.recount import recount, stored

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def boundless(old_key: str) -> None:  # made before
    """No limit of rows, and names as the tables have them now."""
    mapping.forget()
    ApiKey.objects.update(rows_per_minute=0)


UINT64, INT32 = st.integers(0, 2**64 - 1), st.integers(-(2**31), 2**31 - 1)


def mostly(usual: Any, wild: Any) -> Any:
    """One in twelve is wild, so that most points have few faults, and many none."""
    return st.integers(0, 11).flatmap(lambda chance: wild if chance == 7 else usual)


def some(strategy: Any) -> Any:
    return st.one_of(st.none(), strategy)


counts = mostly(st.integers(0, 9), UINT64)
floats = mostly(st.floats(0.001, 100), st.floats())
texts = mostly(
    st.sampled_from(["input", "output"]), st.sampled_from(["", "a\0b", "é" * 200, "\ud7ff"])
)
values = st.one_of(texts, st.integers(-(2**63), 2**63 - 1), floats, st.booleans())
names = mostly(
    st.sampled_from(["gen_ai.request.model", "gen_ai.token.type", "error.type", "n"]),
    st.sampled_from(["aiosmon.query_complexity", "aiosmon.component", "service.name"]),
)
attributes = st.dictionaries(names, values, max_size=3)
metric = st.sampled_from([DURATION, TOKENS, CHOICES, "http.server.request.duration"])
temporality = mostly(st.integers(1, 2), st.just(0))


@st.composite
def points(draw: Any, **fields: Any) -> dict[str, Any]:
    """What all points have, and ``fields`` that are drawn; None leaves one out."""
    made = {
        "attributes": pairs(draw(attributes)),
        "start_time_unix_nano": draw(mostly(st.integers(0, 3).map(at), UINT64)),
        "time_unix_nano": draw(mostly(st.integers(3, 50).map(at), UINT64)),
        "flags": draw(mostly(st.just(0), st.just(1))),
    }
    drawn = {name: draw(strategy) for name, strategy in fields.items()}
    return {**made, **{name: value for name, value in drawn.items() if value is not None}}


numbers = st.one_of(
    points(as_double=floats),
    points(as_int=mostly(st.integers(0, 99), st.integers(-(2**63), 2**63 - 1))),
    points(),
)
figures = {
    "sum": some(floats),
    "min": some(mostly(st.just(0.001), st.floats())),
    "max": some(mostly(st.just(99.0), st.floats())),
}


@st.composite
def explicits(draw: Any) -> dict[str, Any]:
    """Mostly such as add up."""
    bounds = sorted(draw(st.sets(st.floats(-1, 1e6), max_size=5)))
    bounds = draw(mostly(st.just(bounds), st.lists(st.floats(), max_size=5)))
    each = draw(st.lists(counts, min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    total = draw(mostly(st.just(sum(each) % 2**64), counts))
    made: dict[str, Any] = draw(points(**figures))
    return {**made, "explicit_bounds": bounds, "bucket_counts": each, "count": total}


@st.composite
def exponentials(draw: Any) -> dict[str, Any]:
    """Mostly such as add up."""
    positive, negative = (draw(st.lists(counts, max_size=4)) for _ in range(2))
    zero = draw(counts)
    total = (sum(positive) + sum(negative) + zero) % 2**64
    made: dict[str, Any] = draw(points(**figures, zero_threshold=some(floats)))
    return {
        **made,
        "positive": buckets(positive, draw(mostly(st.integers(-50, 50), INT32))),
        "negative": buckets(negative, draw(INT32)),
        "zero_count": zero,
        "scale": draw(mostly(st.integers(-2, 20), INT32)),
        "count": draw(mostly(st.just(total), counts)),
    }


def several(of: Any, make: Any, **fields: Any) -> Any:
    return st.builds(
        lambda name, made, options: make(name, *made, **options),
        metric,
        st.lists(of, min_size=1, max_size=3),
        st.fixed_dictionaries(fields),
    )


messages = st.lists(
    st.one_of(
        several(numbers, gauge),
        several(numbers, counter, temporality=temporality, monotonic=st.booleans()),
        several(explicits(), explicit, temporality=temporality),
        several(exponentials(), exponential, temporality=temporality),
    ),
    min_size=1,
    max_size=4,
)


def test_whatever_comes_is_answered_and_can_be_rolled_up(post: Post, old_key: str) -> None:
    accepted: Counter[str] = Counter()

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(messages)
    def answered(sent: list[Any]) -> None:
        body = request(*sent).SerializeToString()
        for _ in range(2):
            (answer,) = post(old_key, body, path="/v1/metrics", **{"Content-Type": PROTOBUF})
            assert answer.status_code == 200, answer.content
            ExportMetricsServiceResponse.FromString(answer.content)
        rollups.roll_up_all()
        assert not PendingMinute.objects.exists()
        assert stored().keys() == recount().keys()
        totals = {key: counts["total"] for key, counts in recount().items()}
        assert {key: counts["total"] for key, counts in stored().items()} == totals
        for model in (HistogramPoint, PerformanceMetric, MinuteRollup):
            accepted[model.__name__] += model.objects.all().delete()[0]

    answered()
    # Not everything was refused: that would prove little.
    assert min(accepted.values()) > 10
