"""The calendar feed: its secret address, and every line as RFC 5545 has it."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from alerts.delivery import feeds, ical
from alerts.models import OnCallFeed, OnCallOverride, OnCallSchedule
from tests.alerts.oncall.conftest import MONDAY

NOW = MONDAY + timedelta(days=2)
HOUR = timedelta(hours=1)


def unfolded(content: bytes) -> list[str]:
    """The lines, put together again."""
    assert content.endswith(b"\r\n")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    return content.decode().replace("\r\n ", "").split("\r\n")[:-1]


def events(content: bytes) -> list[dict[str, str]]:
    """The events' properties."""
    found: list[dict[str, str]] = []
    for line in unfolded(content):
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and ":" in line:
            name, _, value = line.partition(":")
            found[-1].setdefault(name, value)
    return found


def read_back(value: str) -> str:
    """What a calendar program makes of a TEXT value."""
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_any_text_comes_back_as_it_was_in_lines_of_75_octets(summary: str) -> None:
    entry = ical.Entry("uid@x", NOW, NOW + HOUR, summary, summary + "\nsecond; line, \\n")
    (event,) = events(ical.calendar(summary, [entry], NOW, HOUR))
    assert read_back(event["SUMMARY"]) == summary
    assert read_back(event["DESCRIPTION"]) == summary + "\nsecond; line, \\n"


def test_a_control_character_can_not_begin_a_line_of_its_own() -> None:
    assert ical.text("a\r\nATTENDEE:x\x00\rb\x0bc") == "a\\nATTENDEE:x\\nbc"


def test_times_are_in_utc_whatever_zone_they_come_in() -> None:
    berlin = datetime.fromisoformat("2026-07-01T09:00+02:00")
    entry = ical.Entry("u", berlin, berlin + HOUR, "s")
    (event,) = events(ical.calendar("c", [entry], NOW, HOUR))
    assert (event["DTSTART"], event["DTEND"]) == ("20260701T070000Z", "20260701T080000Z")


@pytest.mark.django_db
def test_a_schedules_calendar_has_every_shift(core: OnCallSchedule, ada: User) -> None:
    token = feeds.issue(acting_user=ada, schedule=core)
    found = events(feeds.read(token, NOW) or b"")
    shifts = [event for event in found if event["DTSTART"] >= "20260302"]
    assert shifts[0]["SUMMARY"] == r"Ada Lovelace on call: Core\, first line"
    assert (shifts[0]["DTSTART"], shifts[0]["DTEND"]) == ("20260302T090000Z", "20260309T090000Z")
    assert shifts[1]["SUMMARY"].startswith("Bob Kahn")
    assert len(shifts) > 180 / 7


@pytest.mark.django_db
def test_a_shifts_uid_stays_from_day_to_day_and_under_an_override(
    core: OnCallSchedule, ada: User, bob: User
) -> None:
    token = feeds.issue(acting_user=ada, schedule=core)
    before = {event["UID"] for event in events(feeds.read(token, NOW) or b"")}
    OnCallOverride.objects.create(
        schedule=core,
        user=bob,
        starts_at=NOW + HOUR,
        ends_at=NOW + 2 * HOUR,
        reason="Dentist",
        requested_by=ada,
    )
    # A day later, the calendar's last week is new.
    day_after = events(feeds.read(token, NOW + timedelta(days=1, minutes=7)) or b"")
    after = [event["UID"] for event in day_after if event["DTSTART"] < "20260830"]
    assert len(after) == len(set(after))
    # The two that the override makes.
    assert {uid.split("-")[2] for uid in set(after) - before} == {
        "20260304T100000Z@aiosmon",
        "20260304T110000Z@aiosmon",
    }
    assert before <= set(after)


@pytest.mark.django_db
def test_a_gap_is_shown_in_the_schedules_calendar(core: OnCallSchedule, ada: User) -> None:
    core.rotations.update(hours_from="09:00", hours_to="17:00")
    found = events(feeds.read(feeds.issue(acting_user=ada, schedule=core), NOW) or b"")
    gaps = [event for event in found if event["SUMMARY"].startswith("Nobody on call")]
    assert (gaps[0]["DTSTART"], gaps[0]["DTEND"]) == ("20260302T170000Z", "20260303T090000Z")


@pytest.mark.django_db
def test_a_persons_calendar_has_their_shifts_alone(
    core: OnCallSchedule, ada: User, bob: User
) -> None:
    token = feeds.issue(acting_user=bob, user=bob)
    found = events(feeds.read(token, NOW) or b"")
    assert {event["SUMMARY"] for event in found} == {r"On call: Core\, first line"}
    assert found[0]["DTSTART"] == "20260309T090000Z"
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert feeds.read(token, NOW) is None


@pytest.mark.django_db
def test_a_new_address_ends_the_old_one_and_only_a_hash_is_stored(
    core: OnCallSchedule, ada: User
) -> None:
    old = feeds.issue(acting_user=ada, schedule=core)
    new = feeds.issue(acting_user=ada, schedule=core)
    assert (feeds.read(old, NOW), feeds.read(new, NOW) is None) == (None, False)
    assert new not in str(OnCallFeed.objects.values())
    assert feeds.revoke(schedule=core)
    assert feeds.read(new, NOW) is None


@pytest.mark.django_db
def test_the_address_is_read_without_signing_in_and_never_written(
    core: OnCallSchedule, ada: User
) -> None:
    url = f"/oncall/{feeds.issue(acting_user=ada, schedule=core)}.ics"
    answer = Browser().get(url)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"].startswith("private")
    assert unfolded(answer.content)[0] == "BEGIN:VCALENDAR"
    assert Browser().post(url).status_code == 405
    assert Browser().get("/oncall/wrong.ics").status_code == 404
