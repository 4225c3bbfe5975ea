"""Alerts over REST: read, followed as a stream, and acted on in a person's name."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser

from accounts import keys
from accounts.models import ApiKey, Client, User
from alerts.models import Alert
from alerts.triage import lifecycle, people

pytestmark = pytest.mark.django_db
URL = "/api/v1/alerts/"
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]
Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Ask:
    """``ask(URL, client=acme, acts_as=ann, action="resolve")``: GET, or POST what is named."""

    def send(
        url: str, *, client: Client | None = None, acts_as: User | None = None, **sent: Any
    ) -> Any:
        scopes = [ApiKey.Scope.READ, *([ApiKey.Scope.TRIAGE] if acts_as else [])]
        text = keys.issue("tests", scopes, client=client, acts_as=acts_as)[1]
        headers = {"Authorization": f"Bearer {text}"}
        if not sent:
            return Browser().get(url, headers=headers)
        body = msgspec.json.encode(sent)
        return Browser().post(url, body, content_type="application/json", headers=headers)

    return send


def actions(alert: Alert) -> str:
    return f"{URL}{alert.pk}/actions/"


def test_it_lists_the_newest_first_by_state(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask
) -> None:
    old, new = make_alert(), make_alert(severity="high")
    make_alert("resolved", by=make_user())
    found = ask(f"{URL}?open=true").json()["results"]
    assert [one["id"] for one in found] == [new.pk, old.pk]
    assert (found[0]["client"], found[0]["actions"]) == ("acme", ["acknowledge", "resolve"])
    assert len(ask(f"{URL}?severity=high&severity=low").json()["results"]) == 1


def test_a_filter_that_does_not_exist_is_named(ask: Ask) -> None:
    answer = ask(f"{URL}?state=open")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "state")


def test_a_key_sees_its_clients_alerts_alone(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client, ask: Ask
) -> None:
    hers = make_alert()
    theirs = make_alert(client=globex)
    ann = make_user("Responder", clients=[hers.client])
    for asked in ({"client": hers.client}, {"acts_as": ann}):
        assert [one["id"] for one in ask(URL, **asked).json()["results"]] == [hers.pk]
        assert ask(f"{URL}{theirs.pk}/", **asked).status_code == 404


def test_one_alert_comes_with_its_evidence_and_timeline(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask
) -> None:
    ann, alert = make_user(username="ann"), make_alert(evidence={"counts": {"total": 7}})
    lifecycle.acknowledge(alert.pk, acting_user=ann, version=1, note="mine")
    found = ask(f"{URL}{alert.pk}/").json()
    assert found["evidence"] == {"counts": {"total": 7}}
    assert [(e["kind"], e["actor"], e["note"]) for e in found["events"]] == [
        ("acknowledged", "ann", "mine")
    ]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"action": "acknowledge", "version": 1, "expires_in": 1800}, "acknowledged"),
        ({"action": "resolve", "version": 1, "resolution": "fixed", "note": "done"}, "resolved"),
        ({"action": "assign", "version": 1, "assignee": "ann"}, "firing"),
        ({"action": "comment", "note": "I look at it."}, "firing"),
        ({"action": "mark", "actionable": False}, "firing"),
    ],
)
def test_a_key_acts_in_a_persons_name(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask, sent: dict[str, Any], status: str
) -> None:
    ann, alert = make_user("Responder", username="ann"), make_alert()
    answer = ask(actions(alert), acts_as=ann, **sent)
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert alert.events.get().actor == ann


@pytest.mark.parametrize(
    ("sent", "field", "problem"),
    [
        ({"action": "acknowledge"}, "version", "acknowledge needs it"),
        ({"action": "close", "version": 1}, "action", "not a valid choice"),
        ({"action": "resolve", "versoin": 1}, "versoin", "did you mean version?"),
        ({"action": "resolve", "version": 1, "team": "Core"}, "team", "does not exist"),
        ({"action": "mark", "actionable": True, "version": 1}, "version", "mark takes no version"),
        ({"action": "assign", "version": 1, "assignee": "nobody"}, "assignee", "does not exist"),
    ],
)
def test_what_an_action_can_not_use_is_named(
    make_alert: MakeAlert,
    make_user: MakeUser,
    ask: Ask,
    sent: dict[str, Any],
    field: str,
    problem: str,
) -> None:
    answer = ask(actions(make_alert()), acts_as=make_user("Responder"), **sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (400, field)
    assert problem in error["problem"]


def test_a_stale_action_is_a_conflict_that_says_what_happened(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask
) -> None:
    alert = make_alert()
    lifecycle.acknowledge(alert.pk, acting_user=make_user(first_name="Ben"), version=1)
    answer = ask(actions(alert), acts_as=make_user("Responder"), action="resolve", version=1)
    assert answer.status_code == 409
    assert "Ben acknowledged it" in answer.json()["error"]["problem"]


def test_who_may_not_triage_may_not_by_a_key_either(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask
) -> None:
    alert = make_alert()
    sent = {"action": "resolve", "version": 1}
    assert ask(actions(alert), acts_as=make_user("Viewer"), **sent).status_code == 403
    assert ask(actions(alert), **sent).status_code == 403
    assert Alert.objects.get().status == "firing"


def test_a_key_that_triages_names_a_person() -> None:
    with pytest.raises(IntegrityError, match="api_keys_triage_in_a_name"), transaction.atomic():
        keys.issue("tests", [ApiKey.Scope.TRIAGE])


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_stream_misses_no_event_that_is_committed_late(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask
) -> None:
    alert, ann = make_alert(), make_user()
    cursor = ask(f"{URL}events/").json()["cursor"]
    written, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            people.comment(alert.pk, acting_user=ann, note="early id, late commit")
            written.set()
            go_on.wait(10)
        connection.close()

    slow = threading.Thread(target=slowly)
    slow.start()
    assert written.wait(10)
    people.comment(alert.pk, acting_user=ann, note="late id, early commit")
    during = ask(f"{URL}events/?cursor={cursor}").json()
    assert during["results"] == []
    go_on.set()
    slow.join(10)
    after = ask(f"{URL}events/?cursor={during['cursor']}").json()
    assert {e["note"] for e in after["results"]} == {
        "early id, late commit",
        "late id, early commit",
    }
    assert ask(f"{URL}events/?cursor={after['cursor']}").json()["results"] == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_stream_goes_on_page_by_page(
    make_alert: MakeAlert, make_user: MakeUser, ask: Ask
) -> None:
    alert, ann = make_alert(), make_user()
    for note in "abc":
        people.comment(alert.pk, acting_user=ann, note=note)
    first = ask(f"{URL}events/?cursor=0&page_size=2").json()
    second = ask(f"{URL}events/?cursor={first['cursor']}&page_size=2").json()
    assert [e["note"] for page in (first, second) for e in page["results"]] == ["a", "b", "c"]


def test_a_cursor_that_was_never_given_is_not_found(ask: Ask) -> None:
    assert ask(f"{URL}events/?cursor=yesterday").status_code == 404
