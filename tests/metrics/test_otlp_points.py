"""Points of a request, and what cumulative ones add: nothing twice, whatever the order."""

import itertools
import random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest.schema import Row
from metrics.otlp.cumulative import BOUNDS_CHANGED, STARTED_BEFORE, Last, advance
from metrics.otlp.histograms import Explicit, Exponential
from metrics.otlp.mapping import Mapping, MetricAlias
from metrics.otlp.points import FoundPoints, Kind, Point, Value, find
from tests.metrics.otlp_metrics import (
    CHAT,
    CUMULATIVE,
    DURATION,
    TOKENS,
    at,
    buckets,
    counted,
    counter,
    explicit,
    exponential,
    gauge,
    point,
    request,
)
from tests.metrics.wire import row

NAMES = {
    "service": ("service.name",),
    "component": ("aiosmon.component",),
    "model": ("gen_ai.request.model", "gen_ai.response.model"),
    "token_type": ("gen_ai.token.type",),
    "error": ("error.type",),
    "client": ("aiosmon.client",),
}
RESOURCE = {"service.name": "assistant", "aiosmon.component": "cognitive_core"}
METRICS = {
    DURATION: MetricAlias("duration", "ml_inference", "ms", 1000.0),
    TOKENS: MetricAlias("usage.{token_type}_tokens", "ml_inference", "count", 1.0),
}
WANTED = frozenset(name for names in NAMES.values() for name in names)
MAPPING = Mapping(NAMES, METRICS, (), WANTED, 0.0, ())


def found(*metrics: Any, resource: dict[str, Any] | None = None) -> FoundPoints:
    return find(request(*metrics, resource=resource or RESOURCE), MAPPING)


def only(*metrics: Any, resource: dict[str, Any] | None = None) -> Point:
    ((_index, one),) = found(*metrics, resource=resource).points
    return one


def problems(*metrics: Any) -> dict[str, str]:
    return {one.field: one.problem for one in found(*metrics).rejections}


def test_a_gauge_is_a_row_in_our_unit_with_links_to_its_traces() -> None:
    exemplar = {"trace_id": bytes(range(16)), "as_double": 1.5}
    one = only(gauge(DURATION, point(0, 60, as_double=1.5, exemplars=[exemplar])))
    assert one.kind is Kind.GAUGE
    assert (one.row.metric_name, one.row.metric_value) == ("duration", 1500.0)
    assert (one.row.service_name, one.row.ml_models_used) == ("assistant", ["gpt-4o"])
    assert one.row.metadata == {
        "metric": DURATION,
        "attributes": CHAT,
        "trace_ids": [bytes(range(16)).hex()],
    }


def test_token_metrics_are_named_by_the_kind_of_their_tokens() -> None:
    attributes = {**CHAT, "gen_ai.token.type": "input"}
    assert only(counter(TOKENS, point(0, 60, as_int=7, attributes=attributes))).row.metric_name == (
        "usage.input_tokens"
    )
    assert found(counter(TOKENS, point(0, 60, as_int=7))).left_out.keys() == {"token_type_missing"}


def test_a_histogram_with_an_error_did_not_succeed() -> None:
    failed = {**CHAT, "error.type": "timeout"}
    assert not only(explicit(DURATION, counted(0, 60, [1] * 5, attributes=failed))).row.success
    assert only(explicit(DURATION, counted(0, 60, [1] * 5))).row.success


def test_negative_buckets_and_zeros_are_read() -> None:
    sent = point(
        *(0, 60),
        scale=3,
        zero_count=2,
        positive=buckets([0, 4], offset=-1),
        negative=buckets([1, 2]),
        count=9,
        sum=1.0,
    )
    assert only(exponential(DURATION, sent)).value == Exponential(
        scale=3, positive={0: 4}, total=9, zero=2, below=3, sum=1.0
    )


@pytest.mark.parametrize(
    ("metric", "field"),
    [
        (gauge(DURATION, point(0, 60)), "value"),
        (gauge(DURATION, point(0, 60, as_double=float("nan"))), "value"),
        (gauge(DURATION, point(0, 60, as_double=1.0, time_unix_nano=0)), "time_unix_nano"),
        (gauge(DURATION, point(60, 0, as_double=1.0)), "time_unix_nano"),
        (explicit(DURATION, counted(0, 60, [1] * 5), temporality=0), "aggregation_temporality"),
        (explicit(DURATION, counted(0, 60, [1] * 5, count=4)), "histogram"),
    ],
    ids=["no value", "NaN", "no time", "ends before its start", "no temporality", "miscounted"],
)
def test_a_faulty_point_is_named(metric: Any, field: str) -> None:
    assert problems(metric).keys() == {field}


def test_what_has_no_name_here_is_left_out_and_is_no_fault() -> None:
    result = found(gauge("db.pool.size", point(0, 60, as_int=1), point(0, 61, as_int=1)))
    assert (result.points, result.rejections) == ([], [])
    assert result.left_out["metric_not_mapped: db.pool.size"].count == 2


def test_a_point_without_a_recorded_value_is_skipped() -> None:
    result = found(gauge(DURATION, point(0, 60, flags=1)))
    assert (result.points, result.rejections, result.left_out) == ([], [], {})


def series_of(*arguments: Any, **fields: Any) -> Any:
    return only(counter(DURATION, *arguments), **fields).series


def test_a_series_is_resource_metric_and_attributes_in_any_order() -> None:
    same = series_of(point(0, 60, as_int=1))
    reordered = {name: CHAT[name] for name in reversed(CHAT)}
    assert series_of(point(5, 90, as_int=4, attributes=reordered)) == same
    others = [
        series_of(point(0, 60, as_int=1), resource={**RESOURCE, "service.instance.id": "2"}),
        series_of(point(0, 60, as_int=1, attributes={**CHAT, "x": "1"})),
        series_of(point(0, 60, as_int=1, attributes={**CHAT, "x": 1})),
        only(counter(DURATION, point(0, 60, as_int=1), temporality=CUMULATIVE)).series,
    ]
    assert len({same, *others}) == 5


SERIES = uuid4()


def cumulative(start: int, time: int, value: Value) -> Point:
    return Point(SERIES, Kind.CUMULATIVE, start, time, value, 1.0, Row(**row()))


def test_a_series_that_began_before_us_is_only_remembered() -> None:
    first = advance(None, cumulative(10, 20, 100), since=15)
    assert (first.value, first.reason) == (None, STARTED_BEFORE)
    assert advance(first.last, cumulative(10, 30, 130), since=15).value == 30


def test_a_series_without_a_start_is_only_remembered() -> None:
    assert advance(None, cumulative(0, 20, 100), since=0).reason == STARTED_BEFORE


def test_a_series_that_began_since_is_taken_whole() -> None:
    assert advance(None, cumulative(16, 20, 100), since=15).value == 100


def test_a_value_that_fell_is_a_reset_taken_whole() -> None:
    assert advance(Last(20, 100), cumulative(0, 30, 40), since=0).value == 40


def test_a_point_that_is_not_newer_changes_nothing() -> None:
    last = Last(20, 100)
    for time in (19, 20):
        assert advance(last, cumulative(1, time, 150), since=0) == (last, None, "")


def test_other_bounds_are_only_remembered() -> None:
    old, new = (Explicit((bound,), (1, 1), 2) for bound in (1.0, 2.0))
    step = advance(Last(20, old), cumulative(1, 30, new), since=0)
    assert (step.value, step.reason, step.last.value) == (None, BOUNDS_CHANGED, new)


def test_great_integers_are_subtracted_exactly() -> None:
    assert advance(Last(20, 2**60), cumulative(1, 30, 2**60 + 1), since=0).value == 1


class Process:
    """One that counts from 0, its points as it exports them; the model is the list of events."""

    def __init__(self, start: int, events: list[int]) -> None:
        self.points, self.total = [], 0
        for number, count in enumerate(events, 1):
            self.total += count
            self.points.append((start, start + number * 10, self.total))


processes = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=4)


def counted_of(arrivals: list[tuple[int, int, int]], as_value: Any) -> dict[int, Any]:
    """Values counted by start, as the face does it."""
    lasts: dict[int, Last | None] = {}
    sums: dict[int, list[Value]] = {}
    for start, time, total in arrivals:
        step = advance(lasts.get(start), cumulative(start, time, as_value(total)), since=0)
        lasts[start] = step.last
        if step.value is not None:
            sums.setdefault(start, []).append(step.value)
    return sums


@given(processes, st.integers(0, 2**32), st.integers(1, 3))
def test_points_in_any_order_and_repeated_are_never_counted_twice(
    events: list[list[int]], seed: int, copies: int
) -> None:
    """Processes that overlap or follow one another, under one name."""
    made = [Process(1 + number * 25, counts) for number, counts in enumerate(events)]
    arrivals = [one for process in made for one in process.points] * copies
    random.Random(seed).shuffle(arrivals)
    for as_value, total_of in (
        (lambda total: total, lambda value: value),
        (lambda total: Explicit((1.0,), (total, 0), total), lambda value: value.total),
        (lambda total: Exponential(5, {3: total}, total), lambda value: value.total),
    ):
        sums = counted_of(arrivals, as_value)
        for process in made:
            start = process.points[0][0]
            assert sum(map(total_of, sums[start])) == process.total


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20))
def test_a_counter_without_a_start_counts_each_rise_and_each_reset(values: list[int]) -> None:
    """Against the definition: what it rose by, or all of it after it fell."""
    last: Last | None = None
    total = 0
    for number, value in enumerate(values):
        step = advance(last, cumulative(0, at(number), value), since=0)
        last, total = step.last, total + (step.value or 0)  # type: ignore[operator]
    pairs = itertools.pairwise(values)
    assert total == sum(new - old if new >= old else new for old, new in pairs)
