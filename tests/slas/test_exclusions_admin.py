"""The ledger's admin: requesting, deciding by POST alone, and what each person may see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Client, User
from accounts.roles import RESPONDER, SLA_MANAGER, VIEWER
from slas.models import Exclusion

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ADD = "admin:slas_exclusion_add"
ONCE = {
    "category": "maintenance",
    "reason": "The database moves.",
    "starts_at_0": "2026-03-04",
    "starts_at_1": "12:00",
    "ends_at_0": "2026-03-04",
    "ends_at_1": "13:00",
}
WEEKLY = {
    **ONCE,
    "ends_at_0": "",
    "ends_at_1": "",
    "rrule": "RRULE:freq=weekly;byday=su",
    "duration_minutes": "120",
    "zone": "Europe/Berlin",
}


def browser(person: User) -> Browser:
    found = Browser()
    found.force_login(person)
    return found


def send(person: User, **fields: Any) -> Any:
    return browser(person).post(reverse(ADD), fields)


@pytest.fixture
def rita(make_user: Callable[..., User]) -> User:
    return make_user(RESPONDER, username="rita")


@pytest.fixture
def sam(make_user: Callable[..., User]) -> User:
    return make_user(SLA_MANAGER, username="sam")


@pytest.fixture
def entry(acme: Client, rita: User) -> Exclusion:
    return Exclusion.objects.create(
        client=acme,
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
        category="maintenance",
        reason="r",
        requested_by=rita,
    )


def act(person: User, entry: Exclusion, action: str, **fields: Any) -> Any:
    url = reverse(f"admin:slas_exclusion_{action}", args=[entry.pk])
    return browser(person).post(url, fields, follow=True)


def test_a_request_names_who_asked_and_waits(rita: User, acme: Client) -> None:
    answer = send(rita, **ONCE, client=acme.pk)
    one = Exclusion.objects.get()
    assert answer.url == reverse("admin:slas_exclusion_change", args=[one.pk])
    assert (one.requested_by, one.status, one.client) == (rita, "requested", acme)
    assert (one.starts_at, one.ends_at) == (NOON, NOON + timedelta(hours=1))


def test_a_repeated_ones_times_are_on_the_clock_of_its_zone(rita: User) -> None:
    send(rita, **WEEKLY)
    one = Exclusion.objects.get()
    assert one.starts_at == datetime(2026, 3, 4, 11, tzinfo=UTC)
    assert (one.rrule, one.zone) == ("FREQ=WEEKLY;BYDAY=SU", "Europe/Berlin")


def test_a_zone_moves_the_times_of_one_that_is_not_repeated_too(rita: User) -> None:
    send(rita, **ONCE, zone="America/New_York")
    assert Exclusion.objects.get().starts_at == datetime(2026, 3, 4, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({**ONCE, "ends_at_1": "12:00"}, "This must come after the start."),
        ({**ONCE, "ends_at_0": "", "ends_at_1": ""}, "When does it end?"),
        ({**ONCE, "starts_at_1": "12:00:30"}, "This must be a whole minute"),
        ({**ONCE, "starts_at_0": "1026-03-04"}, "This is before 2000"),
        ({**ONCE, "zone": "Berlin"}, "is no IANA time zone"),
        ({**ONCE, "duration_minutes": "5"}, "Only a repeated exclusion has this"),
        ({**ONCE, "reason": " "}, "This field is required"),
        ({**ONCE, "component": "nowhere"}, "Select a valid choice"),
        ({**WEEKLY, "rrule": "FREQ=HOURLY"}, "FREQ must be one of DAILY"),
        ({**WEEKLY, "duration_minutes": ""}, "How long does it last each time?"),
        ({**WEEKLY, "duration_minutes": "50000"}, "At most 44640"),
        (
            {**WEEKLY, "ends_at_0": "2026-03-04", "ends_at_1": "13:00"},
            "A repeated exclusion ends by its rule",
        ),
    ],
)
def test_what_is_wrong_with_a_request_is_said_in_its_place(
    rita: User, fields: dict[str, str], named: str
) -> None:
    answer = send(rita, **fields)
    assert answer.status_code == 200
    assert named in answer.text
    assert not Exclusion.objects.exists()


def test_a_viewer_sees_the_ledger_and_requests_nothing(
    make_user: Callable[..., User], entry: Exclusion
) -> None:
    vic = make_user(VIEWER)
    page = browser(vic).get(reverse("admin:slas_exclusion_change", args=[entry.pk]))
    assert page.status_code == 200
    assert 'id="exclusion-form"' not in page.text
    assert send(vic, **ONCE).status_code == 403


def test_who_sees_some_clients_requests_for_these_alone(
    make_user: Callable[..., User], acme: Client, globex: Client
) -> None:
    person = make_user(RESPONDER, clients=[globex])
    assert "This field is required" in send(person, **ONCE).text
    assert "Select a valid choice" in send(person, **ONCE, client=acme.pk).text
    assert send(person, **ONCE, client=globex.pk).status_code == 302


def test_another_person_approves_with_a_note(entry: Exclusion, sam: User) -> None:
    answer = act(sam, entry, "approve", note="Agreed by mail.")
    assert f"Exclusion #{entry.pk} is approved." in answer.text
    entry.refresh_from_db()
    assert (entry.status, entry.decided_by, entry.note) == ("approved", sam, "Agreed by mail.")


def test_a_page_left_open_can_not_decide_again(entry: Exclusion, sam: User) -> None:
    act(sam, entry, "reject")
    answer = act(sam, entry, "approve")
    assert "is rejected by sam already" in answer.text
    entry.refresh_from_db()
    assert entry.status == "rejected"


@pytest.mark.parametrize("action", ["approve", "reject", "withdraw"])
def test_state_changes_by_post_alone(entry: Exclusion, sam: User, action: str) -> None:
    url = reverse(f"admin:slas_exclusion_{action}", args=[entry.pk])
    assert browser(sam).get(url).status_code == 405
    entry.refresh_from_db()
    assert entry.status == "requested"


def test_ones_own_request_shows_why_another_person_decides(
    entry: Exclusion, sam: User, rita: User
) -> None:
    url = reverse("admin:slas_exclusion_change", args=[entry.pk])
    assert "Approve</button>" in browser(sam).get(url).text
    Exclusion.objects.update(requested_by=sam)
    own = browser(sam).get(url).text
    assert "Approve</button>" not in own
    assert "another person decides" in own


def test_the_page_of_a_hidden_client_is_not_there(
    entry: Exclusion, globex: Client, make_user: Callable[..., User]
) -> None:
    outsider = make_user(SLA_MANAGER, clients=[globex])
    url = reverse("admin:slas_exclusion_change", args=[entry.pk])
    assert browser(outsider).get(url).status_code == 302
    assert act(outsider, entry, "approve").status_code == 404
    entry.refresh_from_db()
    assert entry.status == "requested"


def test_nobody_edits_or_deletes_an_entry(entry: Exclusion, make_user: Callable[..., User]) -> None:
    root = browser(make_user(is_superuser=True))
    url = reverse("admin:slas_exclusion_change", args=[entry.pk])
    assert root.post(url, {**ONCE, "reason": "other"}).status_code == 403
    assert root.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert Exclusion.objects.get().reason == "r"
