"""OTLP's histograms become ours: no value lost or invented, within the stated error."""

import math
from bisect import bisect_left
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metrics.histogram import MAX_RELATIVE_ERROR, SCALE, Histogram, bucket
from metrics.otlp.histograms import MAX_COUNT, BadHistogram, Buckets, Explicit, Exponential, check
from metrics.otlp.spread import Converted, convert

SHARES = (0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0)
BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)
latencies = st.lists(st.floats(0.001, 100), min_size=1, max_size=60)
anything = st.lists(st.one_of(st.floats(-10, 0), st.floats(1e-200, 1e6)), max_size=60)
scales = st.integers(-2, 20)
factors = st.sampled_from([1.0, 1000.0, 2.0, 0.5, 1e-3])


def index_of(value: float, scale: int) -> int:
    return math.ceil(math.ldexp(math.log2(value), scale)) - 1


def exponential(values: list[float], scale: int, *, extremes: bool = True) -> Exponential:
    """As an SDK records them."""
    return Exponential(
        scale=scale,
        positive=dict(Counter(index_of(value, scale) for value in values if value > 0)),
        total=len(values),
        zero=sum(value == 0 for value in values),
        below=sum(value < 0 for value in values),
        sum=math.fsum(values),
        smallest=min(values, default=None) if extremes else None,
        largest=max(values, default=None) if extremes else None,
    )


def explicit(
    values: list[float], bounds: tuple[float, ...] = BOUNDS, *, extremes: bool = True
) -> Explicit:
    """As an SDK records them."""
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    return Explicit(
        bounds=bounds,
        counts=tuple(counts),
        total=len(values),
        sum=math.fsum(values),
        smallest=min(values, default=None) if extremes else None,
        largest=max(values, default=None) if extremes else None,
    )


def quantile(converted: Converted, share: float) -> float:
    low, high = converted.smallest, converted.largest
    assert low is not None
    assert high is not None
    found = Histogram(converted.counts, converted.zero, low, high).quantile(share)
    assert found is not None
    return found


def exact(values: list[float], share: float) -> float:
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def held(converted: Converted) -> int:
    assert all(count > 0 for count in converted.counts.values())
    return converted.zero + sum(converted.counts.values())


@given(anything, scales, factors, st.booleans())
def test_no_value_of_an_exponential_one_is_lost_or_invented(
    values: list[float], scale: int, factor: float, extremes: bool
) -> None:
    converted = convert(exponential(values, scale, extremes=extremes), factor)
    assert held(converted) == converted.total == len(values)
    assert converted.zero == sum(value <= 0 for value in values)
    assert converted.sum == pytest.approx(math.fsum(values) * factor)


@given(
    anything,
    st.lists(st.floats(-20, 1e6), max_size=12, unique=True),
    factors,
    st.booleans(),
)
def test_no_value_of_an_explicit_one_is_lost_or_invented(
    values: list[float], bounds: list[float], factor: float, extremes: bool
) -> None:
    sent = explicit(values, tuple(sorted(bounds)), extremes=extremes)
    check(sent)
    converted = convert(sent, factor)
    assert held(converted) == converted.total == len(values)


@given(latencies, st.integers(SCALE, 20))
def test_a_finer_scale_is_merged_exactly(values: list[float], scale: int) -> None:
    converted = convert(exponential(values, scale))
    exactly = Counter(index_of(value, scale) >> (scale - SCALE) for value in values)
    assert converted.counts == exactly
    assert (converted.smallest, converted.largest) == (min(values), max(values))
    assert not converted.approximate


@given(latencies, st.integers(0, 20), st.sampled_from(SHARES), st.booleans())
def test_a_percentile_errs_by_no_more_than_stated(
    values: list[float], scale: int, share: float, extremes: bool
) -> None:
    converted = convert(exponential(values, scale, extremes=extremes), 1000.0)
    bound = (1 + MAX_RELATIVE_ERROR) * 2 ** (2**-scale)
    ratio = quantile(converted, share) / (exact(values, share) * 1000.0)
    assert 1 / bound - 1e-9 <= ratio <= bound + 1e-9


@given(latencies, st.sampled_from(SHARES))
def test_a_percentile_of_explicit_buckets_stays_within_its_bucket(
    values: list[float], share: float
) -> None:
    converted = convert(explicit(values), 1000.0)
    place = bisect_left(BOUNDS, exact(values, share))
    low = max(BOUNDS[place - 1] if place else 0.0, min(values))
    high = min(BOUNDS[place] if place < len(BOUNDS) else math.inf, max(values))
    slack = 1 + 2 * MAX_RELATIVE_ERROR
    assert low * 1000 / slack <= quantile(converted, share) <= high * 1000 * slack


@given(st.lists(latencies, min_size=1, max_size=4), st.integers(2, 12), st.integers(0, 3))
def test_what_came_since_the_last_is_what_was_recorded_since(
    parts: list[list[float]], scale: int, coarser: int
) -> None:
    """An SDK gets coarser as its values spread; what it counted before does too."""
    before = [value for part in parts[:-1] for value in part]
    now = [*before, *parts[-1]]
    last, new = exponential(before, scale), exponential(now, scale - coarser)
    added = new.minus(last)
    assert added is not None
    assert added.positive == exponential(parts[-1], scale - coarser).positive
    assert (added.total, added.scale) == (len(parts[-1]), scale - coarser)
    assert explicit(now).minus(explicit(before)).counts == explicit(parts[-1]).counts  # type: ignore[union-attr]


@given(latencies, latencies, st.integers(0, 12))
def test_differences_convert_to_what_adds_up(
    first: list[float], second: list[float], scale: int
) -> None:
    for record in (lambda values: exponential(values, scale), explicit):
        added = record(first + second).minus(record(first))
        assert added is not None
        converted = convert(added, 1000.0)
        assert held(converted) == len(second)
        assert converted.smallest is not None
        assert converted.largest is not None
        assert converted.smallest <= converted.largest
        assert converted.largest <= max(first + second) * 1000 + 1e-6


@given(latencies, st.integers(5, 12))
def test_what_fell_has_no_difference(values: list[float], scale: int) -> None:
    more = [*values, values[0]]
    assert exponential(values, scale).minus(exponential(more, scale)) is None
    assert explicit(values).minus(explicit(more)) is None


def test_other_bounds_have_no_difference() -> None:
    with pytest.raises(BadHistogram, match="bounds changed"):
        explicit([1.0], (1.0, 2.0)).minus(explicit([1.0], (1.0, 3.0)))


def test_a_wider_zero_threshold_takes_values_for_0() -> None:
    last = Exponential(scale=0, positive={-3: 2, 4: 1}, total=3)
    new = Exponential(scale=0, positive={4: 2}, total=5, zero=3, threshold=0.25)
    added = new.minus(last)
    assert added is not None
    assert (added.total, added.zero, added.positive) == (2, 1, {4: 1})


def test_zeros_and_negative_values_count_below_all_others() -> None:
    converted = convert(exponential([-5.0, -1.0, 0.0, 8.0], 5))
    assert (converted.zero, converted.counts) == (3, {bucket(8.0): 1})
    assert (converted.smallest, converted.largest) == (-5.0, 8.0)


def test_the_first_bucket_begins_at_0_and_the_last_ends_at_its_bound() -> None:
    sent = Explicit(bounds=(10.0, 20.0), counts=(4, 0, 3), total=7)
    converted = convert(sent)
    assert converted.counts[bucket(math.nextafter(20.0, 30.0))] == 3
    assert (converted.smallest, converted.largest) == (0.0, pytest.approx(20.0))
    assert max(index for index, count in converted.counts.items() if count == 1) <= bucket(10.0)
    assert converted.approximate


def test_min_and_max_narrow_the_outer_buckets() -> None:
    sent = Explicit(bounds=(10.0, 20.0), counts=(5, 0, 5), total=10, smallest=9.0, largest=22.0)
    converted = convert(sent)
    assert min(converted.counts) >= bucket(9.0)
    assert max(converted.counts) <= bucket(22.0)
    assert (converted.smallest, converted.largest) == (9.0, 22.0)


def test_equal_values_are_known_exactly() -> None:
    converted = convert(explicit([1.5] * 9), 1000.0)
    assert converted.counts == {bucket(1500.0): 9}
    assert not converted.approximate


def test_a_bucket_around_0_counts_its_part_as_0() -> None:
    converted = convert(Explicit(bounds=(-10.0, 30.0), counts=(0, 40, 0), total=40))
    assert converted.zero == 10
    assert held(converted) == 40


def test_a_count_without_buckets_lies_between_its_extremes() -> None:
    sent = Explicit(bounds=(), counts=(), total=100, sum=300.0, smallest=1.0, largest=5.0)
    converted = convert(sent)
    assert held(converted) == 100
    assert bucket(1.0) <= min(converted.counts) <= max(converted.counts) <= bucket(5.0)
    bare = convert(Explicit(bounds=(), counts=(), total=4, sum=12.0))
    assert (bare.counts, bare.approximate) == ({bucket(3.0): 4}, True)


def test_a_missing_sum_is_estimated() -> None:
    sent = Exponential(scale=5, positive={bucket(100.0): 10}, total=10)
    assert convert(sent, 1000.0).sum == pytest.approx(1e6, rel=0.04)


def test_nothing_converts_to_nothing() -> None:
    for empty in (explicit([]), exponential([], 5)):
        converted = convert(empty, 1000.0)
        assert (converted.total, converted.counts, converted.smallest) == (0, {}, None)


FAULTS: list[tuple[Buckets, str]] = [
    (Explicit(bounds=(1.0,), counts=(1,), total=1), "1 bounds need 2 counts"),
    (Explicit(bounds=(1.0,), counts=(1, 1), total=3), "not the sum"),
    (Explicit(bounds=(2.0, 1.0), counts=(0, 0, 0), total=0), "don't rise"),
    (Explicit(bounds=(math.inf,), counts=(0, 0), total=0), "bound is not a number"),
    (Explicit(bounds=(), counts=(), total=1, sum=math.nan), "sum is not a number"),
    (Explicit(bounds=(), counts=(), total=1, smallest=2.0, largest=1.0), "min is greater"),
    (Explicit(bounds=(), counts=(), total=MAX_COUNT + 1), "count is over"),
    (Exponential(scale=21, positive={}, total=0), "scale 21"),
    (Exponential(scale=5, positive={1: 1}, total=2), "not the sum"),
    (Exponential(scale=0, positive={400: 1}, total=1), "beyond"),
    (Exponential(scale=0, positive={}, total=0, threshold=-1.0), "zero_threshold"),
]


@pytest.mark.parametrize(("sent", "fault"), FAULTS, ids=[fault for _sent, fault in FAULTS])
def test_a_contradiction_is_named(sent: Buckets, fault: str) -> None:
    with pytest.raises(BadHistogram, match=fault):
        check(sent)


def test_what_would_only_be_work_is_refused() -> None:
    with pytest.raises(BadHistogram, match="more than"):
        convert(Exponential(scale=-10, positive={-1: 5}, total=5))
    bounds = tuple(10.0**n for n in range(-90, 90))
    with pytest.raises(BadHistogram, match="more than"):
        convert(Explicit(bounds=bounds, counts=(10**6,) * 181, total=181 * 10**6))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_passes_the_check_converts_or_is_refused(data: Any) -> None:
    count = st.integers(0, 2**30)
    number = st.one_of(st.none(), st.floats(-1e100, 1e100))
    figures = {name: data.draw(number) for name in ("sum", "smallest", "largest")}
    if data.draw(st.booleans()):
        bounds = sorted(data.draw(st.sets(st.floats(-1e100, 1e100), max_size=6)))
        counts = data.draw(st.tuples(*[count] * (len(bounds) + 1)))
        sent: Buckets = Explicit(tuple(bounds), counts, sum(counts), **figures)
    else:
        positive = data.draw(
            st.dictionaries(st.integers(-(2**31), 2**31), count.filter(bool), max_size=6)
        )
        scale = data.draw(st.integers(-10, 20))
        sent = Exponential(scale, positive, sum(positive.values()), **figures)
    try:
        check(sent)
        converted = convert(sent, data.draw(st.sampled_from([1.0, 1000.0, 1e-300, 1e300])))
    except BadHistogram:
        assume(False)
    assert held(converted) == sent.total
    assert all(-(2**15) <= index < 2**15 for index in converted.counts)
