"""From a step to the person: the PAGED event is routed to whom it names."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from alerts.delivery import escalation, routing
from alerts.models import Channel, Notification

pytestmark = pytest.mark.django_db


def test_each_step_becomes_a_notification_for_who_is_told(
    fired: Callable[..., Any], make_policy: Callable[..., Any], ada: User, bob: User
) -> None:
    channel = Channel.objects.create(
        name="Mail", kind="apprise", sealed="", address="mailto://x", for_people=True
    )
    for user in (ada, bob):
        User.objects.filter(pk=user.pk).update(email=f"{user.username}@example.org")
    make_policy((0, {"whom": "lead", "user": ada}), (0, {"whom": "manager", "user": bob}))
    fired()
    escalation.tick(timezone.now())
    routing.route_new_events()
    found = Notification.objects.filter(channel=channel, event__kind="paged").order_by("pk")
    assert [one.recipient for one in found] == [ada, bob]
