"""Spans cut into days, hours and minutes cover the same time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from metrics import spans
from metrics.spans import DAY, HOUR, MINUTE, Span

BASE = datetime(2026, 3, 28, tzinfo=UTC)
LAST = 3 * 1440
places = st.one_of(
    st.sampled_from([0, 1, 59, 60, 61, 1439, 1440, 1441, 2880, LAST]), st.integers(0, LAST)
)
apart = st.lists(places, max_size=8, unique=True).map(sorted)
hours = st.sets(st.integers(0, LAST // 60), max_size=5)


def at(minute: int) -> datetime:
    return BASE + minute * MINUTE


def covered(several: list[Span]) -> list[int]:
    return [
        m
        for since, until in several
        for m in range((since - BASE) // MINUTE, (until - BASE) // MINUTE)
    ]


@given(edges=apart, behind=hours)
def test_the_parts_cover_spans_exactly(edges: list[int], behind: set[int]) -> None:
    several = [(at(a), at(b)) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    found = spans.parts(several, {BASE + hour * HOUR for hour in behind})
    assert sorted(covered([*found.days, *found.hours, *found.minutes])) == covered(several)
    assert all(not (edge - BASE) % DAY for span in found.days for edge in span)
    assert all(not (edge - BASE) % HOUR for span in found.hours for edge in span)
    summed = {minute // 60 for minute in covered(found.days + found.hours)}
    assert not summed & behind


def test_a_month_of_a_zone_is_days_between_a_few_hours() -> None:
    # Summer time begins in between.
    zone = ZoneInfo("Europe/Berlin")
    month = (datetime(2026, 3, 1, tzinfo=zone), datetime(2026, 4, 1, tzinfo=zone))
    found = spans.parts([month])
    assert found.days == [(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))]
    lengths = [until - since for since, until in found.hours]
    assert lengths == [HOUR, 22 * HOUR]
    assert found.minutes == []


def test_half_an_hour_beside_utc_leaves_minutes() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    day = (datetime(2026, 3, 1, tzinfo=zone), datetime(2026, 3, 3, tzinfo=zone))
    found = spans.parts([day])
    assert [until - since for since, until in found.minutes] == [timedelta(minutes=30)] * 2
    assert [until - since for since, until in found.days] == [DAY]
