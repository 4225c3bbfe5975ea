"""Calendar periods begin at the client's midnight, whatever the clocks do that month."""

from datetime import UTC, date, datetime, timedelta

import pytest

from slas import periods

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("zone", "at", "start", "end", "hours"),
    [
        # Both change their clocks in March, by an hour less, and back in autumn, by an hour more.
        (BERLIN, utc(2026, 3, 15), utc(2026, 2, 28, 23), utc(2026, 3, 31, 22), 743),
        (BERLIN, utc(2026, 10, 15), utc(2026, 9, 30, 22), utc(2026, 10, 31, 23), 745),
        (BERLIN, utc(2026, 7, 15), utc(2026, 6, 30, 22), utc(2026, 7, 31, 22), 744),
        (NEW_YORK, utc(2026, 3, 15), utc(2026, 3, 1, 5), utc(2026, 4, 1, 4), 743),
        (NEW_YORK, utc(2026, 11, 15), utc(2026, 11, 1, 4), utc(2026, 12, 1, 5), 721),
        (NEW_YORK, utc(2026, 2, 15), utc(2026, 2, 1, 5), utc(2026, 3, 1, 5), 672),
        ("UTC", utc(2024, 2, 29), utc(2024, 2, 1), utc(2024, 3, 1), 696),
    ],
)
def test_a_month_is_as_long_as_the_zones_clocks_make_it(
    zone: str, at: datetime, start: datetime, end: datetime, hours: int
) -> None:
    found = periods.month(at, zone)
    assert (found.start, found.end) == (start, end)
    assert found.length == timedelta(hours=hours)


def test_the_minute_before_a_month_begins_belongs_to_the_one_before() -> None:
    border = utc(2026, 2, 28, 23)  # 1 March in Berlin
    minute = timedelta(minutes=1)
    assert periods.month(border, BERLIN).name == "2026-03"
    assert periods.month(border - minute, BERLIN).name == "2026-02"
    assert periods.month(border + timedelta(hours=5), NEW_YORK).name == "2026-02"
    assert periods.month(border + timedelta(hours=6), NEW_YORK).name == "2026-03"


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (NEW_YORK, date(2026, 3, 8), 23),
        (NEW_YORK, date(2026, 11, 1), 25),
        (BERLIN, date(2026, 3, 8), 24),
    ],
)
def test_a_day_of_changing_clocks_has_23_or_25_hours(zone: str, day: date, hours: int) -> None:
    length = periods.midnight(day + timedelta(days=1), zone) - periods.midnight(day, zone)
    assert length == timedelta(hours=hours)


def test_a_midnight_that_the_clocks_skip_is_the_moment_they_do() -> None:
    # Beirut, 29 March 2026: 00:00 becomes 01:00.
    assert periods.midnight(date(2026, 3, 29), "Asia/Beirut") == utc(2026, 3, 28, 22)
    assert periods.month(utc(2026, 3, 28, 22), "Asia/Beirut").name == "2026-03"


def test_a_midnight_that_comes_twice_is_the_first() -> None:
    # Havana, 1 November 2026: 01:00 becomes 00:00, so the month begins an hour before that.
    found = periods.month(utc(2026, 11, 1, 5), "America/Havana")
    assert (found.name, found.start) == ("2026-11", utc(2026, 11, 1, 4))


def test_weeks_begin_on_monday_and_have_their_iso_number() -> None:
    found = periods.week(utc(2027, 1, 2), BERLIN)
    assert (found.name, found.start) == ("2026-W53", utc(2026, 12, 27, 23))
    assert periods.week(utc(2026, 3, 29, 12), BERLIN).length == timedelta(hours=167)


def test_quarters_are_three_months() -> None:
    found = periods.quarter(utc(2026, 2, 1), BERLIN)
    assert (found.name, found.start, found.end) == (
        "2026-Q1",
        utc(2025, 12, 31, 23),
        utc(2026, 3, 31, 22),
    )
    assert periods.quarter(utc(2026, 12, 31, 23, 30), BERLIN).name == "2027-Q1"


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Asia/Beirut", "America/Havana"])
@pytest.mark.parametrize("kind", ["month", "week", "quarter"])
def test_periods_follow_each_other_without_gap_or_overlap(zone: str, kind: str) -> None:
    found = periods.KINDS[kind](utc(2027, 1, 1, 12), zone)
    for _ in range(60):
        before = periods.previous(found)
        assert before.end == found.start
        assert before.kind == kind
        assert periods.KINDS[kind](before.start, zone) == before
        assert periods.named(before.name, zone) == before
        found = before


def test_a_rolling_window_ends_with_the_last_whole_minute() -> None:
    found = periods.rolling(utc(2026, 3, 4, 12, 0, 59), timedelta(days=30))
    assert (found.start, found.end) == (utc(2026, 2, 2, 12), utc(2026, 3, 4, 12))
    assert found.name == "30 d"
    assert periods.previous(found).end == found.start


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=90), timedelta(minutes=-5)])
def test_a_window_of_no_whole_minutes_is_refused(length: timedelta) -> None:
    with pytest.raises(ValueError, match="no whole number of minutes"):
        periods.rolling(utc(2026, 3, 4), length)


@pytest.mark.parametrize(
    "name", ["", "2026", "2026-13", "2026-W54", "2026-Q5", "1969-12", "9999-12", "٢٠٢٦-01"]
)
def test_a_name_of_no_period_is_refused_with_what_one_looks_like(name: str) -> None:
    with pytest.raises(ValueError, match="2026-W10"):
        periods.named(name, BERLIN)
