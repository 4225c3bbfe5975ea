"""Which promise holds for which client when, and what a missed one costs."""

import copy
import dataclasses
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Q

from slas import known_versions, objectives, periods, slis, windows
from slas.models import Contract, Sla, Slo, SloVersion
from slas.models.contracts import INTERNAL, OVERRIDES
from slas.objectives import Kind, Objective
from slas.windows import Span

DAY = timedelta(days=1)
# Which of a contract's internal objectives tightens which of its objectives.
_INTERNAL_OF = {Kind.LATENCY: "internal_latency_share", Kind.AVAILABILITY: "internal_availability"}


@dataclass(frozen=True)
class Segment:
    """A span in which one version of an objective held for a client."""

    version: SloVersion
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Held:
    """An objective and the spans, in order, in which it held for a client."""

    slo: Slo
    segments: tuple[Segment, ...]

    @property
    def version(self) -> SloVersion:
        """The newest of its versions."""
        return self.segments[-1].version


def held(
    client_id: int, start: datetime, end: datetime, slo_ids: Collection[int] | None = None
) -> list[Held]:
    """The objectives that held for the client from ``start`` on and before ``end``, and when.

    A default objective doesn't hold while one of the client's own with the same base does.
    """
    versions = (
        SloVersion.objects.filter(
            Q(slo__client=None) | Q(slo__client=client_id), valid_from__lt=end
        )
        .exclude(valid_until__lte=start)
        .order_by("slo__base", "slo_id", "valid_from")
    )
    if slo_ids is not None:
        # With those that take their place, which have the same bases.
        bases = Slo.objects.filter(pk__in=list(slo_ids)).order_by()
        versions = versions.filter(slo__base__in=bases.values("base"))
    found: dict[int, list[Segment]] = defaultdict(list)
    own: dict[str, list[Span]] = defaultdict(list)
    for version in known_versions.read(versions):
        span = (max(version.valid_from, start), min(version.valid_until or end, end))
        if version.slo.client_id is not None:
            own[version.slo.base].append(span)
        found[version.slo_id].append(Segment(version, *span))
    wanted = None if slo_ids is None else set(slo_ids)
    return [
        Held(slo, tuple(left))
        for slo, segments in ((several[0].version.slo, several) for several in found.values())
        if wanted is None or slo.pk in wanted
        if (left := segments if slo.client_id else _without(segments, own.get(slo.base)))
    ]


def in_force(client_id: int, at: datetime) -> dict[str, SloVersion]:
    """The version by which each objective's minute at ``at`` is judged for the client, by base."""
    return {one.slo.base: one.version for one in held(client_id, at, at + timedelta(minutes=1))}


def span(contract: Contract) -> tuple[datetime, datetime | None]:
    """When the contract begins and ends, in UTC; None: its end is open."""
    zone = contract.client.time_zone
    start = periods.midnight(contract.valid_from, zone)
    if contract.valid_until is None:
        return start, None
    return start, periods.midnight(contract.valid_until + DAY, zone)


def promised(contract: Contract) -> list[tuple[Objective, dict[str, Any]]]:
    """The contract's objectives, each with what its version keeps beside the objective's numbers.

    None while the SLA is disabled or the contract withdrawn.
    """
    if contract.withdrawn or not contract.sla.enabled:
        return []
    return [
        (
            objective,
            {
                "internal_share": _internal_share(contract, objective),
                "business_hours": contract.business_hours,
                "contract_id": contract.pk,
            },
        )
        for objective in objectives.of_sla(as_sla(contract))
    ]


def now_promised(now: datetime) -> list[tuple[Contract, Objective]]:
    """What contracts in force promise instead of their SLAs.

    Alerts hold a client's traffic to its internal objective, where one is stricter.
    """
    found = []
    for contract in Contract.objects.filter(withdrawn=False).select_related("client", "sla"):
        start, end = span(contract)
        if start <= now and (end is None or now < end):
            for objective, kept in promised(contract):
                found.append((contract, _alerted(objective, kept["internal_share"])))
    return found


def _alerted(objective: Objective, internal_share: float | None) -> Objective:
    if internal_share is None:
        return objective
    is_share = objective.kind == Kind.AVAILABILITY
    threshold = internal_share if is_share else objective.threshold
    return dataclasses.replace(objective, share=internal_share, threshold=threshold)


def as_sla(contract: Contract) -> Sla:
    """The SLA with the contract's numbers; not to be saved."""
    found = copy.copy(contract.sla)
    for name in OVERRIDES:
        setattr(found, name, contract.promised(name))
    return found


def check_days(before: Contract, after: Contract, now: datetime) -> None:
    """Raise ValidationError, on its field, for a change that would judge minutes anew without rows.

    What was judged longer ago than rows are kept is settled.
    """
    kept = slis.kept_since(now)
    settled = f"Days before {kept:%-d %B %Y} are settled: their rows are gone. "
    (start, end), (_, new_end) = span(before), span(after)
    errors = {}
    if after.valid_from != before.valid_from and start < kept:
        errors["valid_from"] = f"{settled}Leave the first day as it is."
    if after.withdrawn and not before.withdrawn and start < kept:
        errors["withdrawn"] = f"{settled}Give the contract a last day instead."
    if end is not None and end <= now and (new_end is None or new_end > end):
        errors["valid_until"] = "It has ended: enter a new contract for the days that follow."
    elif new_end is not None and new_end < kept and (end is None or new_end < end):
        errors["valid_until"] = f"{settled}Choose a later last day."
    if errors and not before.withdrawn:
        raise ValidationError(errors)


def differences(contract: Contract) -> list[tuple[str, float, float | None]]:
    """What the contract sets otherwise than its SLA: field, its number, the SLA's."""
    found = []
    for name in OVERRIDES:
        own, default = getattr(contract, name), getattr(contract.sla, name)
        if own is not None and own != default:
            found.append((name, own, default))
    return found


def credits(contract: Contract, attained: float | None) -> float:  # noqa: A001  # the field's term
    """Percent of the monthly fee that a month's attained availability (percent) gives back.

    The lowest bound that it stays below decides; without a figure nothing is due.
    """
    if attained is None:
        return 0.0
    due = [step["percent"] for step in contract.credit_terms if attained < step["below"]]
    return float(max(due, default=0.0))


def credit_amount(contract: Contract, attained: float | None) -> Decimal | None:
    """The credit in the contract's currency, to the cent; None without a monthly fee."""
    if contract.monthly_fee is None:
        return None
    amount = contract.monthly_fee * Decimal(str(credits(contract, attained))) / 100
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def closed_hours(contract: Contract, start: datetime, end: datetime) -> list[Span]:
    """What of a span lies in the contract's days but outside its business hours."""
    first, last = span(contract)
    start, end = max(start, first), min(end, last or end)
    return closed(contract.business_hours, contract.client.time_zone, start, end)


def closed(
    hours: Sequence[dict[str, Any]], zone: str, start: datetime, end: datetime
) -> list[Span]:
    """PURE: what of a span lies outside weekly hours of the zone; nothing without hours.

    An hour that the clocks repeat counts both times, one that they skip never was.
    """
    if not hours or start >= end:
        return []
    opened: list[Span] = []
    day = start.astimezone(ZoneInfo(zone)).date()
    last = end.astimezone(ZoneInfo(zone)).date()
    while day <= last:
        for one in hours:
            if one["day"] != day.weekday():
                continue
            since = periods.local(day, time.fromisoformat(one["from"]), zone)
            if one["until"] == "24:00":
                until = periods.midnight(day + DAY, zone)
            else:
                until = periods.local(day, time.fromisoformat(one["until"]), zone, fold=1)
            if since < until:
                opened.append((since, until))
        day += DAY
    return windows.included(start, end, opened)


def _without(segments: list[Segment], spans: list[Span] | None) -> list[Segment]:
    if not spans:
        return segments
    return [
        Segment(one.version, *left)
        for one in segments
        for left in windows.included(one.start, one.end, spans)
    ]


def _internal_share(contract: Contract, objective: Objective) -> float | None:
    """The internal objective, where the SLA's number hasn't overtaken it since."""
    if objective.name:
        return None
    field = _INTERNAL_OF.get(objective.kind)
    share: float | None = getattr(contract, field) if field in INTERNAL else None
    return share if share is not None and share > objective.share else None
