"""Who is on call when: turns, layers, hours, overrides, and both changes of the clock."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery.rota import Cover, Layer, Plan, Shift, on_call, shifts

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
ADA, BOB, CYD = 1, 2, 3


def layer(*people: int | None, number: int = 1, **fields: Any) -> Layer:
    """Weekly turns from Monday, 2 March 2026, at 09:00."""
    defaults = {"starts_on": date(2026, 3, 2), "handover_weekday": 0, "handover_time": time(9)}
    return Layer(number, people, **{**defaults, **fields})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(found: list[Shift]) -> list[tuple[str, str, int | None]]:
    return [(f"{s.start:%m-%d %H:%M}", f"{s.end:%m-%d %H:%M}", s.person) for s in found]


def test_people_take_turns_in_their_order_and_begin_anew() -> None:
    plan = Plan("UTC", [layer(ADA, BOB)])
    assert told(shifts(plan, utc("2026-03-02T09:00"), utc("2026-03-23T09:00"))) == [
        ("03-02 09:00", "03-09 09:00", ADA),
        ("03-09 09:00", "03-16 09:00", BOB),
        ("03-16 09:00", "03-23 09:00", ADA),
    ]


@pytest.mark.parametrize(
    ("zone", "before", "after", "hours"),
    [
        (BERLIN, "2026-03-23T08:00", "2026-03-30T07:00", 167),
        (BERLIN, "2026-10-19T07:00", "2026-10-26T08:00", 169),
        (NEW_YORK, "2026-03-02T14:00", "2026-03-09T13:00", 167),
        (NEW_YORK, "2026-10-26T13:00", "2026-11-02T14:00", 169),
    ],
)
def test_the_hand_over_stays_at_nine_on_the_wall_when_clocks_change(
    zone: str, before: str, after: str, hours: int
) -> None:
    plan = Plan(zone, [layer(ADA, BOB)])
    (shift,) = shifts(plan, utc(before), utc(after))
    assert shift.end - shift.start == timedelta(hours=hours)
    assert on_call(plan, utc(before) - timedelta(seconds=1)) != shift.person
    assert on_call(plan, utc(after)) not in {shift.person, None}
    assert shift.end.astimezone(ZoneInfo(zone)).time() == time(9)


def test_a_hand_over_that_clocks_jump_over_is_an_hour_later_and_leaves_no_gap() -> None:
    sunday = layer(ADA, BOB, handover_weekday=6, handover_time=time(2, 30))
    found = shifts(Plan(BERLIN, [sunday]), utc("2026-03-28T00:00"), utc("2026-03-30T00:00"))
    assert [s.end for s in found[:-1]] == [s.start for s in found[1:]]
    assert found[1].start == utc("2026-03-29T01:30")  # 03:30 in summer time
    assert None not in {s.person for s in found}


def test_a_hand_over_that_comes_twice_is_at_the_first() -> None:
    sunday = layer(ADA, BOB, handover_weekday=6, handover_time=time(2, 30))
    found = shifts(Plan(BERLIN, [sunday]), utc("2026-10-24T00:00"), utc("2026-10-26T00:00"))
    assert [s.start for s in found[1:]] == [utc("2026-10-25T00:30")]


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-10", 8)]
)
def test_a_night_is_by_the_clock_on_the_wall(night: str, hours: int) -> None:
    nights = layer(ADA, hours=(time(22), time(6)))
    plan = Plan(BERLIN, [nights])
    noon = datetime.fromisoformat(f"{night}T12:00").replace(tzinfo=UTC)
    (duty,) = [s for s in shifts(plan, noon, noon + timedelta(days=1)) if s.person]
    assert duty.end - duty.start == timedelta(hours=hours)


def test_outside_its_hours_and_days_there_is_a_gap_that_is_shown() -> None:
    office = layer(ADA, hours=(time(9), time(17)), weekdays=frozenset({3, 4}))
    found = shifts(Plan("UTC", [office]), utc("2026-03-05T00:00"), utc("2026-03-07T00:00"))
    assert told(found) == [
        ("03-05 00:00", "03-05 09:00", None),
        ("03-05 09:00", "03-05 17:00", ADA),
        ("03-05 17:00", "03-06 09:00", None),
        ("03-06 09:00", "03-06 17:00", ADA),
        ("03-06 17:00", "03-07 00:00", None),
    ]


def test_a_higher_layer_wins_and_a_lower_one_fills_its_gaps() -> None:
    day = layer(BOB, number=2, hours=(time(9), time(17)))
    plan = Plan("UTC", [layer(ADA), day])
    found = shifts(plan, utc("2026-03-04T00:00"), utc("2026-03-05T00:00"))
    assert [s.person for s in found] == [ADA, BOB, ADA]


def test_an_override_wins_over_all_and_the_later_one_over_the_earlier() -> None:
    first = Cover(1, BOB, utc("2026-03-04T00:00"), utc("2026-03-05T00:00"), "Dentist")
    second = Cover(2, CYD, utc("2026-03-04T12:00"), utc("2026-03-04T18:00"))
    plan = Plan("UTC", [layer(ADA)], [second, first])
    found = shifts(plan, utc("2026-03-03T12:00"), utc("2026-03-05T12:00"))
    assert [s.person for s in found] == [ADA, BOB, CYD, BOB, ADA]
    assert [s.is_override for s in found] == [False, True, True, True, False]


def test_the_turn_of_who_is_not_active_is_a_gap_or_a_lower_layers() -> None:
    plan = Plan("UTC", [layer(ADA, None, number=2)])
    at = utc("2026-03-10T00:00")
    assert on_call(plan, at) is None
    assert on_call(Plan("UTC", [*plan.layers, layer(CYD)]), at) == CYD


def test_it_begins_and_ends_with_its_days_and_may_begin_amid_a_turn() -> None:
    plan = Plan("UTC", [layer(ADA, BOB, starts_on=date(2026, 3, 4), ends_on=date(2026, 3, 11))])
    assert told(shifts(plan, utc("2026-03-01T00:00"), utc("2026-03-20T00:00"))) == [
        ("03-01 00:00", "03-04 09:00", None),
        ("03-04 09:00", "03-09 09:00", ADA),
        ("03-09 09:00", "03-11 09:00", BOB),
        ("03-11 09:00", "03-20 00:00", None),
    ]


def test_a_turn_may_last_weeks() -> None:
    plan = Plan("UTC", [layer(ADA, BOB, weeks=2)])
    assert [on_call(plan, utc(f"2026-03-{day}T12:00")) for day in ("10", "17")] == [ADA, BOB]


MINUTES = st.integers(0, 24 * 60 - 1).map(lambda m: time(m // 60, m % 60))
LAYERS = st.builds(
    Layer,
    number=st.just(1),
    people=st.lists(st.sampled_from([ADA, BOB, CYD]), min_size=1, max_size=4),
    starts_on=st.dates(date(2025, 1, 1), date(2026, 12, 1)),
    handover_weekday=st.integers(0, 6),
    handover_time=MINUTES,
    weeks=st.integers(1, 4),
    weekdays=st.frozensets(st.integers(0, 6)),
    hours=st.none() | st.tuples(MINUTES, MINUTES),
)


@settings(max_examples=60, deadline=None)
@given(
    one=LAYERS,
    zone=st.sampled_from([BERLIN, NEW_YORK, "Pacific/Apia", "Australia/Lord_Howe", "UTC"]),
    since=st.integers(0, 330 * 24 * 60).map(lambda m: utc("2026-01-01") + timedelta(minutes=m)),
    days=st.integers(1, 40),
    hour=st.floats(0, 1),
)
def test_shifts_cover_the_span_without_hole_and_agree_with_who_is_on_call(
    one: Layer, zone: str, since: datetime, days: int, hour: float
) -> None:
    plan, until = Plan(zone, [one]), since + timedelta(days=days)
    found = shifts(plan, since, until)
    assert (found[0].start, found[-1].end) == (since, until)
    assert [s.end for s in found[:-1]] == [s.start for s in found[1:]]
    at = since + (until - since) * hour * 0.999
    (now,) = [s for s in found if s.start <= at < s.end]
    assert now.person == on_call(plan, at)
    longer = shifts(plan, since - plan.longest, until + plan.longest)
    assert set(found[1:-1]) <= set(longer)
