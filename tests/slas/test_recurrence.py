"""Recurrence rules fall on the days that dateutil says they do, and bad ones are refused."""

from datetime import UTC, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from slas import recurrence
from slas.recurrence import BadRule

DAYS = st.lists(st.sampled_from(recurrence.WEEKDAYS), min_size=1, max_size=3, unique=True)
FIRST = st.integers(0, 3 * 366 * 1440).map(
    lambda minutes: datetime(2024, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001  # a wall clock
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(recurrence.FREQUENCIES))
    parts = [f"FREQ={frequency}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
    if draw(st.booleans()):
        which = ""
        if frequency == "MONTHLY":
            which = draw(st.sampled_from(["", "1", "2", "5", "-1", "-2"]))
        parts.append("BYDAY=" + ",".join(which + day for day in draw(DAYS)))
    # dateutil would read BYMONTHDAY of a weekly rule, which RFC 5545 forbids, in its own way.
    if frequency != "WEEKLY" and draw(st.booleans()):
        days = draw(st.lists(st.sampled_from([1, 2, 15, 29, 31, -1, -3]), min_size=1, max_size=3))
        parts.append("BYMONTHDAY=" + ",".join(map(str, days)))
    if draw(st.booleans()):
        months = draw(st.lists(st.integers(1, 12), min_size=6, max_size=12, unique=True))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(recurrence.WEEKDAYS))}")
    end = draw(st.sampled_from(["", "COUNT=7", "UNTIL=20261015T120000Z"]))
    return ";".join([*parts, end] if end else parts)


@settings(deadline=None)
@given(rules(), FIRST, st.integers(-100, 500), st.integers(1, 200))
def test_it_falls_on_the_same_days_as_dateutils(
    text: str, first: datetime, offset: int, length: int
) -> None:
    since = first + timedelta(days=offset)
    until = since + timedelta(days=length)
    # A last day long past lets dateutil end, whatever the rule.
    zoned = first.replace(tzinfo=UTC)
    expected = (
        [
            at.replace(tzinfo=None)
            for at in rrulestr(text, dtstart=zoned).xafter(zoned, count=900, inc=True)
            if since.replace(tzinfo=UTC) <= at < until.replace(tzinfo=UTC)
        ]
        if _falls_ever(text, first)
        else []
    )
    found = recurrence.starts(
        recurrence.parse(text), zoned, "UTC", since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    )
    assert found == expected


def _falls_ever(text: str, first: datetime) -> bool:
    rule = recurrence.parse(text)
    return any(
        recurrence.falls_on(rule, first.date() + timedelta(days=day), first.date())
        for day in range(366 * 9)
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no part of a rule"),
        ("BYDAY=MO", "FREQ must be one of"),
        ("FREQ=HOURLY", "FREQ must be one of"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS is not supported"),
        ("FREQ=DAILY;BYHOUR=1", "BYHOUR is not supported"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ stands twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be a whole number"),
        ("FREQ=DAILY;COUNT=99999", "COUNT must be a whole number"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=20261331", "UNTIL must be a day"),
        ("FREQ=DAILY;UNTIL=20260101T250000Z", "UNTIL must be a day"),
        ("FREQ=WEEKLY;BYDAY=2MO", "Use FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYDAY=XX", "is no weekday"),
        ("FREQ=WEEKLY;WKST=XX", "is no weekday"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "32 is not from -31 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "0 is not from"),
        ("FREQ=YEARLY;BYMONTH=-1", "-1 is not from 1 to 12"),
        ("FREQ=YEARLY;BYMONTH=a", "no whole number"),
    ],
)
def test_a_bad_rule_is_refused_with_what_to_write(text: str, named: str) -> None:
    with pytest.raises(BadRule, match=named):
        recurrence.parse(text)


def test_until_as_a_day_includes_that_day() -> None:
    first = datetime(2026, 3, 1, 22, tzinfo=UTC)
    rule = recurrence.parse("FREQ=DAILY;UNTIL=20260303")
    found = recurrence.starts(rule, first, "UTC", first, first + timedelta(days=30))
    assert [at.day for at in found] == [1, 2, 3]
