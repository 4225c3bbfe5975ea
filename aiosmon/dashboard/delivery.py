"""Whether anybody is told: the way from an alert to people, in one word."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from accounts import visibility
from accounts.models import User
from alerts.models import Channel, Notification, Route

_DEAD = Notification.Status.DEAD


@dataclass(frozen=True)
class Delivery:
    """The tile."""

    level: str
    word: str
    more: str
    url: str


def panel(user: User | AnonymousUser) -> Delivery:
    """How telling people stands, in three queries. That nobody is told yet is no alarm."""
    outbox = reverse("admin:alerts_notification_changelist")
    see_all = visibility.sees_all(user)
    channels = reverse("admin:alerts_channel_changelist")
    where = channels if see_all and user.has_perm("alerts.view_channel") else outbox
    failures = list(Channel.objects.filter(enabled=True).values_list("failures", flat=True))
    if not failures:
        return Delivery("", "Nobody", "No channel yet: alerts are only shown here", where)
    if not Route.objects.filter(enabled=True, channels__enabled=True).exists():
        return Delivery("", "Nobody", "No route leads to a channel", where)
    dead = visibility.limit(Notification.objects.filter(status=_DEAD), user, "alert__client")
    given_up, failing = dead.count(), sum(1 for one in failures if one)
    of = f"{len(failures)} channel{'s' if len(failures) > 1 else ''}"
    if given_up:
        text = f"{given_up:,} given up" + (f", {failing} of {of} failing" if failing else "")
        return Delivery("high", "Incomplete", text, f"{outbox}?status__exact={_DEAD}")
    if failing:
        return Delivery("high", "Failing", f"{failing} of {of}; tried again", where)
    return Delivery("ok", "Told", f"{of} working", outbox)
