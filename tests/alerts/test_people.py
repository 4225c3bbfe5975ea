"""Assigning, handing over, commenting and judging an alert."""

from collections.abc import Callable

import pytest

from accounts.models import Client, Team, User
from alerts.models import Alert, AlertEvent
from alerts.triage import people
from alerts.triage.lifecycle import Refused

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]


def test_it_assigns_to_a_person_and_a_team(make_alert: MakeAlert, make_user: MakeUser) -> None:
    ann, ben, alert = make_user(), make_user(first_name="Ben"), make_alert()
    team = Team.objects.create(name="Core")
    after = people.assign(
        alert.pk, acting_user=ann, version=1, assignee=ben, team=team, note="yours"
    )
    assert (after.assignee, after.team, after.version) == (ben, team, 2)
    event = after.events.get()
    assert (event.kind, event.actor, event.data["to"]) == ("assigned", ann, "Ben and Core")


def test_who_assigns_second_sees_what_the_first_did(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    ann, ben, alert = make_user(first_name="Ann"), make_user(), make_alert()
    people.assign(alert.pk, acting_user=ann, version=1, assignee=ann)
    with pytest.raises(Refused, match="Ann assigned it"):
        people.assign(alert.pk, acting_user=ben, version=1, assignee=ben)
    assert Alert.objects.get().assignee == ann


def test_nobody_is_given_what_they_may_not_see(make_alert: MakeAlert, make_user: MakeUser) -> None:
    outsider = make_user(clients=[])
    with pytest.raises(Refused, match="may not see alerts of"):
        people.assign(make_alert().pk, acting_user=make_user(), version=1, assignee=outsider)
    assert (Alert.objects.get().assignee, AlertEvent.objects.count()) == (None, 0)


def test_a_comment_names_whom_it_mentions(
    make_alert: MakeAlert, make_user: MakeUser, acme: Client
) -> None:
    ann = make_user(username="ann.able")
    ben = make_user(username="ben", clients=[acme])
    event = people.comment(
        make_alert().pk, acting_user=ann, note="@ben look, mail me at x@ann.able. @ben!"
    )
    assert (event.kind, event.data) == ("commented", {"mentions": [ben.pk]})


@pytest.mark.parametrize(
    ("note", "problem"),
    [
        ("  ", "empty comment"),
        ("@nobody.here", "no active user “nobody.here”"),
        ("@out", "may not"),
    ],
)
def test_a_comment_that_reaches_nobody_is_refused(
    make_alert: MakeAlert, make_user: MakeUser, note: str, problem: str
) -> None:
    make_user(username="out", clients=[])
    with pytest.raises(Refused, match=problem):
        people.comment(make_alert().pk, acting_user=make_user(), note=note)
    assert not AlertEvent.objects.exists()


def test_the_latest_judgement_counts_and_both_are_kept(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert, ann = make_alert("resolved", by=make_user()), make_user()
    people.mark(alert.pk, acting_user=ann, actionable=True)
    assert people.mark(alert.pk, acting_user=ann, actionable=False).actionable is False
    assert [event.data["actionable"] for event in alert.events.all()] == [True, False]
