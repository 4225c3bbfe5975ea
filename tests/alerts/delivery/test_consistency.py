"""Whatever happens to an alert, in whatever order it is told: what a channel heard fits it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from alerts.delivery import routing, sending
from alerts.delivery.channels.base import Answer
from alerts.models import Alert, AlertEvent, Channel, Notification, Status
from alerts.triage import lifecycle, people

State, Kind = Notification.Status, AlertEvent.Kind
STEPS = ("acknowledge", "unacknowledge", "resolve", "reopen", "fire", "suppress", "comment")


def step(name: str, alert: Alert, user: User) -> None:
    """Do it if it is legal."""
    by_person: dict[str, Callable[..., Any]] = {
        "acknowledge": lifecycle.acknowledge,
        "unacknowledge": lifecycle.unacknowledge,
        "resolve": lifecycle.resolve,
        "reopen": lifecycle.reopen,
    }
    if name in by_person:
        try:
            by_person[name](alert.pk, acting_user=user, version=alert.version)
        except lifecycle.Refused:
            return
    elif name == "fire":
        lifecycle.fire(alert.pk, "It goes on.")
    elif name == "suppress":
        lifecycle.suppress(alert.pk, "silence 1", "Maintenance.")
    else:
        people.comment(alert.pk, acting_user=user, note="Looking.")


def send(channel: Channel, ok: bool) -> None:
    """Let the channel take, or refuse, what is due, though the newest has waited the longest."""
    for row in Notification.objects.filter(status=State.WAITING):
        row.due_at = timezone.now() - timedelta(seconds=row.pk)
        row.save(update_fields=["due_at"])
    claimed = sending._claim(channel, timezone.now())
    if claimed is not None:
        sending._record(claimed, Answer(ok, "said the test"))


@pytest.mark.django_db
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.sampled_from((*STEPS, "route", "send", "fail")), max_size=25))
def test_what_a_channel_heard_fits_what_happened(
    make_alert: Any, make_channel: Any, make_route: Any, make_user: Any, steps: list[str]
) -> None:
    with transaction.atomic():
        user, channel = make_user("Responder"), make_channel()
        make_route(channel)
        alert = make_alert()
        people.record(alert, Kind.OPENED)
        for name in steps:
            alert.refresh_from_db()
            if name == "route":
                routing.route_new_events()
            elif name in {"send", "fail"}:
                send(channel, name == "send")
            else:
                step(name, alert, user)
        routing.route_new_events()
        while Notification.objects.filter(status=State.WAITING).exists():
            send(channel, True)
        check(alert)
        transaction.set_rollback(True)


def check(alert: Alert) -> None:
    """Every event is decided; what was sent came in order, ends after begins, and fits the end."""
    alert.refresh_from_db()
    assert not AlertEvent.objects.filter(routed_at=None).exists()
    told = list(Notification.objects.order_by("handed_at", "id").select_related("event"))
    assert {one.status for one in told} <= {State.SENT, State.WITHHELD}
    assert all(one.held for one in told if one.status == State.WITHHELD)
    events = [one.event for one in told if one.status == State.SENT and one.event]
    assert [event.pk for event in events] == sorted(event.pk for event in events)
    for before, after in zip([None, *events], events, strict=False):
        if after.kind == Kind.RESOLVED:
            assert before is not None
            assert before.kind != Kind.RESOLVED
    if alert.status == Status.RESOLVED and events:
        assert events[-1].kind == Kind.RESOLVED
