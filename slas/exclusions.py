"""The exclusion ledger: which times do not count, and how an entry is agreed on.

Nothing that was counted is changed by an exclusion: figures with and without it
are computed when they are asked for, so withdrawing one restores the old ones.

Every change of state is a conditional UPDATE: of two that come at once, one wins.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import visibility
from accounts.models import User
from slas import recurrence
from slas.models import Exclusion, Slo, SloVersion
from slas.windows import Span

REQUEST, DECIDE = "slas.add_exclusion", "slas.decide_exclusion"
Status = Exclusion.Status
# How far daylight saving can stretch an occurrence.
_STRETCH = timedelta(hours=2)


class Refused(Exception):
    """The action is not open to this person, or no longer open at all; the message says why."""


def spans(client_id: int, slo: Slo, start: datetime, end: datetime) -> list[Span]:
    """What approved exclusions take out of ``start`` to ``end`` for the client and objective.

    Whole minutes, in order, without overlaps.
    """
    return spans_of(client_id, [slo], start, end)[slo.pk]


def spans_of(
    client_id: int, slos: Iterable[Slo], start: datetime, end: datetime
) -> dict[int, list[Span]]:
    """``spans`` of several objectives at once, by the objective's id."""
    wanted = list(slos)
    found = list(in_force(client_id, start, end))
    components = _components(wanted) if any(one.component for one in found) else {}
    taken = {one.pk: occurrences(one, start, end) for one in found}
    return {
        slo.pk: union(
            span
            for one in found
            if one.objective in {"", slo.base}
            for span in _where(one, taken[one.pk], components.get(slo.pk, []))
        )
        for slo in wanted
    }


def spans_of_all(
    slos: Mapping[int, Iterable[Slo]], start: datetime, end: datetime
) -> dict[tuple[int, int], list[Span]]:
    """``spans`` of many clients' objectives, by client and objective; those without are missing.

    In two statements at most, whatever the number of clients.
    """
    found = list(_overlapping(start, end))
    if not found:
        return {}
    every = {slo.pk: slo for its in slos.values() for slo in its}
    components = _components(list(every.values())) if any(one.component for one in found) else {}
    taken = {one.pk: occurrences(one, start, end) for one in found}
    result = {}
    for client_id, its in slos.items():
        own = [one for one in found if one.client_id in (None, client_id)]
        for slo in its:
            joined = union(
                span
                for one in own
                if one.objective in {"", slo.base}
                for span in _where(one, taken[one.pk], components.get(slo.pk, []))
            )
            if joined:
                result[client_id, slo.pk] = joined
    return result


def in_force(client_id: int, start: datetime, end: datetime) -> QuerySet[Exclusion]:
    """Approved exclusions for the client that may take something out of the span, oldest first."""
    return (
        _overlapping(start, end)
        .filter(Q(client=None) | Q(client=client_id))
        .select_related("client", "requested_by", "decided_by")
        .order_by("starts_at", "pk")
    )


def occurrences(exclusion: Exclusion, start: datetime, end: datetime) -> list[Span]:
    """PURE: the exclusion's times within the span, cut to it; at most one a day if repeated.

    A repeated one begins and ends by the clock on the wall of its zone. A time
    that daylight saving skips is the moment an hour on; of one that comes twice, the first.
    """
    if not exclusion.rrule:
        both = [(exclusion.starts_at, exclusion.ends_at or exclusion.starts_at)]
        return _cut(both, start, end)
    clock = ZoneInfo(exclusion.zone)
    length = timedelta(minutes=exclusion.duration_minutes or 0)
    begun = recurrence.starts(
        recurrence.parse(exclusion.rrule),
        exclusion.starts_at,
        exclusion.zone,
        start - length - _STRETCH,
        end,
    )
    return _cut(
        [
            (
                at.replace(tzinfo=clock).astimezone(UTC),
                (at + length).replace(tzinfo=clock).astimezone(UTC),
            )
            for at in begun
        ],
        start,
        end,
    )


def union(parts: Iterable[Span]) -> list[Span]:
    """PURE: the same times in order, without overlaps."""
    joined: list[Span] = []
    for since, until in sorted(parts):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined


def may_decide(user: User, exclusion: Exclusion) -> bool:
    """Whether this person may approve or reject it: not what they asked for themselves."""
    return may_reach(user, exclusion, DECIDE) and exclusion.requested_by_id != user.pk


def may_withdraw(user: User, exclusion: Exclusion) -> bool:
    """Who asked for it may take it back, and whoever may decide such ones."""
    own = exclusion.requested_by_id == user.pk and may_reach(user, exclusion, REQUEST)
    return own or may_reach(user, exclusion, DECIDE)


def may_reach(user: User, exclusion: Exclusion, permission: str) -> bool:
    """With the permission and the client in sight; one for every client needs them all."""
    if not user.has_perm(permission):
        return False
    if visibility.sees_all(user):
        return True
    if exclusion.client_id is None:
        return False
    return visibility.visible_clients(user).filter(pk=exclusion.client_id).exists()


def approve(exclusion_id: int, *, acting_user: User, note: str = "") -> Exclusion:
    """Let the exclusion count from now on, for the past as well. Raises Refused."""
    return _decide(exclusion_id, Status.APPROVED, acting_user, note)


def reject(exclusion_id: int, *, acting_user: User, note: str = "") -> Exclusion:
    """Turn the request down. Raises Refused."""
    return _decide(exclusion_id, Status.REJECTED, acting_user, note)


def withdraw(exclusion_id: int, *, acting_user: User, note: str = "") -> Exclusion:
    """Take a request back, or end an approved exclusion as if it had never been. Raises Refused."""
    exclusion = _get(exclusion_id)
    if not may_withdraw(acting_user, exclusion):
        raise Refused(f"You may not withdraw {exclusion}: ask who requested it, or an SLA manager.")
    return _move(
        exclusion,
        (Status.REQUESTED, Status.APPROVED),
        status=Status.WITHDRAWN,
        withdrawn_by=acting_user,
        withdrawn_at=timezone.now(),
        withdrawal_note=note,
    )


def _overlapping(start: datetime, end: datetime) -> QuerySet[Exclusion]:
    return Exclusion.objects.filter(
        Q(ends_at__gt=start) | Q(ends_at=None), status=Status.APPROVED, starts_at__lt=end
    )


def _decide(exclusion_id: int, status: str, user: User, note: str) -> Exclusion:
    exclusion = _get(exclusion_id)
    if exclusion.requested_by_id == user.pk:
        raise Refused(f"You asked for {exclusion} yourself: another person decides.")
    if not may_decide(user, exclusion):
        raise Refused(f"You may not decide on {exclusion}: ask an SLA manager who sees its client.")
    return _move(
        exclusion,
        (Status.REQUESTED,),
        status=status,
        decided_by=user,
        decided_at=timezone.now(),
        note=note,
    )


def _move(exclusion: Exclusion, legal_from: Iterable[str], **changes: Any) -> Exclusion:
    moved = Exclusion.objects.filter(pk=exclusion.pk, status__in=legal_from).update(**changes)
    current = _get(exclusion.pk)
    if not moved:
        who = current.withdrawn_by or current.decided_by
        by = f" by {who}" if who else ""
        raise Refused(f"{current} is {current.get_status_display().lower()}{by} already.")
    return current


def _get(exclusion_id: int) -> Exclusion:
    found = (
        Exclusion.objects.filter(pk=exclusion_id)
        .select_related("requested_by", "decided_by", "withdrawn_by", "client")
        .first()
    )
    if found is None:
        raise Refused(f"There is no exclusion #{exclusion_id}.")
    return found


def _cut(parts: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    cut = [(max(since, start), min(until, end)) for since, until in parts]
    return [(since, until) for since, until in cut if since < until]


def _components(slos: list[Slo]) -> dict[int, list[tuple[str, Span]]]:
    """Which component each objective was on, and when: its promise may have moved."""
    found: dict[int, list[tuple[str, Span]]] = {}
    forever = datetime.max.replace(tzinfo=UTC)
    versions = SloVersion.objects.filter(slo__in=slos).order_by("slo_id", "number")
    for slo_id, component, since, until in versions.values_list(
        "slo_id", "component", "valid_from", "valid_until"
    ):
        found.setdefault(slo_id, []).append((component, (since, until or forever)))
    return found


def _where(
    exclusion: Exclusion, taken: list[Span], components: list[tuple[str, Span]]
) -> list[Span]:
    """Those times at which the objective was on the exclusion's component."""
    if not exclusion.component:
        return taken
    return [
        part
        for component, (since, until) in components
        if component == exclusion.component
        for part in _cut(taken, since, until)
    ]
