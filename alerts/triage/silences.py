"""Silences: what somebody knows of, and does not need to be told for a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import visibility
from accounts.models import User
from alerts import matching
from alerts.matching import Matcher
from alerts.models import Alert, Silence
from alerts.triage.lifecycle import OPEN, Refused
from slas import exclusions
from slas.windows import Span

END = "alerts.change_silence"
MOST_LOOKED_AT, MOST_SHOWN = 5000, 20
PREVIEW_DAYS = 7
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Active:
    """A silence in force, with the clients that it reaches (None: all)."""

    silence: Silence
    clients: frozenset[int] | None

    def covers(self, alert: Alert, facts: dict[str, str]) -> bool:
        """Whether the alert is meant, and of a client that the owner may see."""
        if self.clients is not None and alert.client_id not in self.clients:
            return False
        return matching.matches(self.silence.matchers, facts)


@dataclass(frozen=True)
class Preview:
    """What matchers would have to do with, among the alerts that one person may see."""

    open: list[Alert]
    recent: list[Alert]
    open_count: int
    recent_count: int
    days: int
    is_all: bool  # whether every alert of the days was looked at


def active(now: datetime) -> list[Active]:
    """The silences in force, oldest first."""
    found = Silence.objects.filter(ended_at=None, starts_at__lte=now, ends_at__gt=now)
    ones = [one for one in found.select_related("owner").order_by("pk") if in_force(one, now)]
    limited = {one.owner_id for one in ones if not visibility.sees_all(one.owner)}
    own: dict[int, set[int]] = defaultdict(set)
    for user, client in User.clients.through.objects.filter(user__in=limited).values_list(
        "user_id", "client_id"
    ):
        own[user].add(client)
    return [
        Active(one, frozenset(own[one.owner_id]) if one.owner_id in limited else None)
        for one in ones
    ]


def in_force(silence: Silence, now: datetime) -> bool:
    """Whether it keeps anything quiet at this moment."""
    if silence.ended_at is not None and silence.ended_at <= now:
        return False
    return bool(occurrences(silence, now, now + _MOMENT))


def occurrences(silence: Silence, start: datetime, end: datetime) -> list[Span]:
    """PURE: its times within the span, as those of an exclusion; none after its end."""
    return exclusions.occurrences(silence, start, min(end, silence.ends_at))


def end(silence_id: int, *, acting_user: User) -> Silence:
    """Let it keep nothing quiet any more. Raises Refused when it is over, or out of reach."""
    now = timezone.now()
    if not acting_user.has_perm(END):
        raise Refused("You may not end silences: ask a responder.")
    reachable = visible(Silence.objects.filter(pk=silence_id), acting_user)
    if not reachable.exists():
        raise Refused(f"There is no silence #{silence_id}.")
    moved = Silence.objects.filter(pk=silence_id, ended_at=None, ends_at__gt=now).update(
        ended_at=now, ended_by=acting_user
    )
    silence = Silence.objects.select_related("ended_by").get(pk=silence_id)
    if not moved:
        by = f" by {silence.ended_by}" if silence.ended_by else ""
        raise Refused(f"{silence} was ended{by} already.")
    return silence


def visible(queryset: QuerySet[Silence], user: Any) -> QuerySet[Silence]:
    """Those a person may see: their own, and of others' what names no client hidden from them."""
    if visibility.sees_all(user):
        return queryset
    own = Q(owner=user)
    names_client = Q(matchers__contains=[{"name": "client"}])
    names_visible = Q(pk__in=[])
    for code in visibility.visible_clients(user).values_list("code", flat=True):
        names_visible |= Q(matchers__contains=[{"name": "client", "op": "=", "value": code}])
    return queryset.filter(own | ~names_client | names_visible)


def preview(matchers: Sequence[Matcher], user: Any, now: datetime) -> Preview:
    """Which alerts the matchers are about: open now, and of the last days; newest first."""
    seen = visibility.limit(Alert.objects.all(), user).select_related("client", "team")
    since = now - timedelta(days=PREVIEW_DAYS)
    wanted = seen.filter(Q(status__in=OPEN) | Q(created_at__gte=since)).order_by("-created_at")
    looked_at = list(wanted.defer("evidence")[: MOST_LOOKED_AT + 1])
    found = [
        alert
        for alert in looked_at[:MOST_LOOKED_AT]
        if matching.matches(matchers, matching.facts(alert))
    ]
    still_open = [alert for alert in found if alert.status in OPEN]
    over = [alert for alert in found if alert.status not in OPEN]
    return Preview(
        open=still_open[:MOST_SHOWN],
        recent=over[:MOST_SHOWN],
        open_count=len(still_open),
        recent_count=sum(alert.created_at >= since for alert in found),
        days=PREVIEW_DAYS,
        is_all=len(looked_at) <= MOST_LOOKED_AT,
    )
