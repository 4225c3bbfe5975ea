"""The histogram: one mapping in Python and SQL, a bounded error, exact merging."""

import math
import random

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from metrics.histogram import (
    BASE,
    BUCKET_SQL,
    MAX_RELATIVE_ERROR,
    SCALE,
    SMALLEST,
    Stored,
    bucket,
    merge,
)

SHARES = (0.01, 0.5, 0.9, 0.95, 0.99, 1.0)


def stored(values: list[float]) -> Stored:
    """A histogram as a roll-up row holds it."""
    counts: dict[int, int] = {}
    for value in values:
        if value >= SMALLEST:
            counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    order = sorted(counts)
    zero = sum(value < SMALLEST for value in values)
    bounds = (min(values), max(values)) if values else (None, None)
    return (SCALE, zero, order, [counts[idx] for idx in order], *bounds)


def exact(values: list[float], share: float) -> float:
    """The nearest-rank quantile."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


@pytest.mark.django_db
def test_sql_and_python_put_a_value_into_the_same_bucket() -> None:
    values = [2.0**n for n in range(-1021, 1024)] + [10.0**n for n in range(-307, 309)]
    values += [math.nextafter(2.0**n, side) for n in range(-60, 60) for side in (0, math.inf)]
    values += [SMALLEST, 1.7976931348623157e308, 1.0, 0.1 + 0.2]
    chance = random.Random(1)
    values += [chance.lognormvariate(6, 3) for _ in range(5000)]
    with connection.cursor() as cursor:
        sql = f"SELECT {BUCKET_SQL.format(value='v')} FROM unnest(%s::float8[]) v"  # noqa: S608
        cursor.execute(sql, [values])
        assert [idx for (idx,) in cursor.fetchall()] == [bucket(value) for value in values]


@pytest.mark.parametrize("value", [SMALLEST, 1e-9, 0.5, 1.0, 1234.5, 1e100, 1.7976931348623157e308])
def test_a_value_lies_within_its_bucket(value: float) -> None:
    exponent = math.log2(value) * 2**SCALE
    assert bucket(value) - 1e-6 <= exponent <= bucket(value) + 1 + 1e-6
    assert -(2**15) <= bucket(value) < 2**15  # a smallint


@pytest.mark.parametrize("seed", range(8))
def test_a_quantile_errs_by_little_more_than_one_percent(seed: int) -> None:
    chance = random.Random(seed)
    values = [chance.lognormvariate(7, chance.uniform(0.2, 2.5)) for _ in range(2000)]
    histogram = merge([stored(values)])
    for share in SHARES:
        estimate = histogram.quantile(share)
        assert estimate == pytest.approx(exact(values, share), rel=MAX_RELATIVE_ERROR + 1e-9)


def test_the_promised_error_is_1_08_percent() -> None:
    assert pytest.approx(0.0108, abs=5e-5) == MAX_RELATIVE_ERROR
    assert pytest.approx(2 ** (1 / 32)) == BASE


@given(st.lists(st.lists(st.floats(-5, 1e9), max_size=20), min_size=1, max_size=5))
def test_merging_equals_one_histogram_of_all(parts: list[list[float]]) -> None:
    together = merge([stored([value for part in parts for value in part])])
    assert merge([stored(part) for part in parts]) == together


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=30), st.sampled_from(SHARES))
def test_a_quantile_stays_between_the_extremes(values: list[float], share: float) -> None:
    estimate = merge([stored(values)]).quantile(share)
    assert estimate is not None
    assert min(values) <= estimate <= max(values)


def test_one_value_is_its_own_quantile_exactly() -> None:
    assert merge([stored([1234.5])]).quantile(0.5) == 1234.5


def test_values_of_zero_and_less_count_below_all_others() -> None:
    histogram = merge([stored([0.0, -3.0, 100.0, 100.0])])
    assert (histogram.total, histogram.zero) == (4, 2)
    assert histogram.quantile(0.5) == 0.0
    assert histogram.quantile(0.75) == pytest.approx(100, rel=MAX_RELATIVE_ERROR)
    assert merge([stored([-3.0])]).quantile(0.5) == -3.0


def test_nothing_has_no_quantile() -> None:
    assert merge([]).quantile(0.5) is None
    assert merge([stored([])]).quantile(0.5) is None


def test_a_scale_that_was_never_stored_is_refused() -> None:
    with pytest.raises(ValueError, match="scale 4"):
        merge([(4, 0, [1], [1], 1.0, 1.0)])
