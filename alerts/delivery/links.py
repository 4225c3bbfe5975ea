"""Signed links in messages: acknowledge or resolve without signing in.

A link is bound to an alert, an action and whom the message went to, and ends
after AIOSMON_LINK_HOURS. It names no version: it works for as long as the action
is legal. GET only asks; the state changes by the POST of its form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from alerts.models import Alert, Channel
from alerts.triage import lifecycle
from alerts.triage.lifecycle import Refused
from alerts.triage.people import may_see

SALT = "alerts.delivery.links"
TRIAGE = "alerts.triage_alert"
# Who acted by a link that went to a channel which many read, and did not sign in.
STRANGER = "signed-link"
NAME_LENGTH = 60


_FUNCTIONS: dict[str, Callable[..., Alert]] = {
    "acknowledge": lifecycle.acknowledge,
    "resolve": lifecycle.resolve,
}
ACTIONS = tuple(_FUNCTIONS)


@dataclass(frozen=True)
class Link:
    """What a link may do."""

    alert_id: int
    action: str
    user_id: int | None
    channel_id: int


def url(link: Link) -> str:
    """Its absolute address."""
    body = [link.alert_id, link.action, link.user_id, link.channel_id]
    token = signing.dumps(body, salt=SALT)
    return settings.PORTAL_URL.rstrip("/") + reverse("alert_link", args=[token])


def read(token: str) -> Link:
    """What a token may do. Raises Refused for one that is forged, cut short or too old."""
    try:
        body: list[Any] = signing.loads(
            token, salt=SALT, max_age=timedelta(hours=settings.LINK_HOURS)
        )
    except signing.SignatureExpired:
        raise Refused(f"This link is older than {settings.LINK_HOURS} hours.") from None
    except signing.BadSignature:
        raise Refused("This link is not complete, or not from this portal.") from None
    return Link(*body)


def person_of(link: Link, signed_in: User | None) -> User | None:
    """Who would act: whom the message went to, else who is signed in; None: somebody unknown."""
    if link.user_id is not None:
        return User.objects.filter(pk=link.user_id).first()
    return signed_in


def act(link: Link, *, signed_in: User | None, name: str = "", note: str = "") -> Alert:
    """Do what the link says. Raises Refused when it isn't legal, or not for this person."""
    with transaction.atomic():
        alert = Alert.objects.select_related("client").filter(pk=link.alert_id).first()
        if alert is None:
            raise Refused(f"Alert #{link.alert_id} no longer exists.")
        channel = Channel.objects.filter(pk=link.channel_id, signed_links=True).first()
        if channel is None:
            raise Refused("The channel of this message no longer lets its links act.")
        actor = person_of(link, signed_in)
        if actor is not None or link.user_id is not None:
            actor, agent = _entitled(actor, alert), f"link on {channel}"
        else:
            if not name.strip():
                raise Refused("Say who you are: the timeline names who acted.")
            actor, agent = _stranger(), f"{name.strip()[:NAME_LENGTH]}, by a link on {channel}"
        return _FUNCTIONS[link.action](
            alert.pk, acting_user=actor, version=alert.version, note=note, agent=agent[:100]
        )


def _entitled(person: User | None, alert: Alert) -> User:
    """The person, if they may triage the alert now; rights may have gone since the message."""
    if person is None or not person.is_active or not person.has_perm(TRIAGE):
        raise Refused(f"{person or 'The recipient'} may not act on alerts.")
    if not may_see(person, alert):
        raise Refused(f"{person} may not see alerts of {alert.client}.")
    return person


def _stranger() -> User:
    found, made = User.objects.get_or_create(
        username=STRANGER,
        defaults={"first_name": "Signed link", "is_active": False, "all_clients": False},
    )
    if made:
        found.set_unusable_password()
        found.save(update_fields=["password"])
    return found
