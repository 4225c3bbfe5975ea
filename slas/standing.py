"""How each promise to a client stands over any span of time, with and without exclusions."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from accounts.models import Client
from slas import contracts, exclusions, silence, windows
from slas.contracts import Held, Segment
from slas.models import ResourceLimit, Slo, SloVersion
from slas.objectives import Kind
from slas.windows import MINUTE, Span, Sums

# With more of its budget spent than this, a promise is at risk.
SPENT_AT_RISK = Decimal("0.8")
_BY_SHARE = (Kind.LATENCY, Kind.AVAILABILITY)


class Status(StrEnum):
    """How a promise stands."""

    OK = "ok"
    AT_RISK = "at_risk"  # kept, but most of the budget is spent or an internal objective missed
    BREACH = "breach"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_DATA = "no_data"  # nothing came, from where something used to come
    EXCLUDED = "excluded"  # all there was, or all the time, is excluded


@dataclass(frozen=True)
class Standing:
    """One objective and client over the part of a span in which the objective held.

    ``attained`` is the percentage of good events, for satisfaction the mean
    rating, for a limit the mean or largest value. ``required`` has its unit:
    where versions follow each other, their mean, weighted by events.
    ``budget_left`` is 1 untouched, 0 spent, below 0 overspent; it and ``burn``
    are None without events, and for what has no error budget (satisfaction,
    limits, 100 %).
    """

    slo: Slo
    version: SloVersion  # the last in force
    client_id: int
    start: datetime
    end: datetime
    sums: Sums
    gross: Sums  # exclusions not applied
    status: Status
    attained: float | None
    budget_left: float | None
    burn: float | None
    silent_since: datetime | None
    required: float
    gross_attained: float | None
    gross_status: Status
    segments: tuple[Segment, ...]
    excluded: tuple[Span, ...]


@dataclass(frozen=True)
class _Figures:
    """What follows from a promise's events."""

    kept: bool
    attained: float
    required: float
    allowed: Decimal | None = None  # bad events; None: no error budget
    bad: int = 0
    at_risk: bool = False

    @property
    def burn(self) -> float | None:
        """Spent of what was allowed, as a factor."""
        return float(self.bad / self.allowed) if self.allowed else None


Counted = list[tuple[SloVersion, Sums]]  # one entry a segment


def standings(
    client: Client,
    start: datetime,
    end: datetime,
    now: datetime,
    slos: Iterable[Slo] | None = None,
) -> list[Standing]:
    """How the client's promises stand from ``start`` on and before ``end`` (whole minutes).

    An objective has one entry, or two where a contract of the client began or ended: each
    covers its part. Those that the client never had an event of are left out, unless they
    are its own or asked for by ``slos``. A minute is judged by the version in force then.
    """
    asked = None if slos is None else [slo.pk for slo in slos]
    quiet = _Quiet(client.pk, end, now)
    held = contracts.held(client.pk, start, end, asked)
    gross = _counted(client.pk, held, {})
    found = [
        one
        for one in held
        if asked is not None
        or one.slo.client_id is not None
        or _total(gross[one.slo.pk]).total
        or quiet.ever(one.slo.base)
    ]
    spans = _excluded(client, found, start, end)
    net = _counted(client.pk, found, spans) if any(spans.values()) else gross
    replaced = {one.slo.base for one in found if one.slo.client_id is not None}
    return [
        _standing(client.pk, one, net[one.slo.pk], gross[one.slo.pk], spans[one.slo.pk], quiet, now)
        for one in found
        # Of a default that a contract replaces only a part with events is worth telling.
        if asked is not None
        or one.slo.client_id is not None
        or one.slo.base not in replaced
        or _total(gross[one.slo.pk]).total
    ]


class _Quiet:
    """When events last came; looked up for what has none in a span that is over, if anything."""

    def __init__(self, client_id: int, end: datetime, now: datetime) -> None:
        self._client_id, self._end, self._now = client_id, end, now

    @cached_property
    def _silence(self) -> silence.Silence:
        return silence.Silence(self._client_id, self._end, self._now)

    def ever(self, base: str) -> bool:
        """See silence.Silence."""
        return self._silence.ever(base)

    def since(self, version: SloVersion, end: datetime, events: int) -> datetime | None:
        """See silence.Silence. What services do now says nothing about a span that is over."""
        if events and end + MINUTE <= self._now:
            return None
        return self._silence.since(version, end, events)


def _excluded(
    client: Client, found: Sequence[Held], start: datetime, end: datetime
) -> dict[int, list[Span]]:
    """What doesn't count: approved exclusions, and what lies outside business hours."""
    spans = exclusions.spans_of(client.pk, [one.slo for one in found], start, end)
    for one in found:
        for part in one.segments:
            hours = part.version.business_hours
            closed = contracts.closed(hours, client.time_zone, part.start, part.end)
            spans[one.slo.pk] = sorted([*spans[one.slo.pk], *closed])
    return spans


def _counted(
    client_id: int, found: Sequence[Held], spans: dict[int, list[Span]]
) -> dict[int, Counted]:
    """What was counted in each segment; objectives with the same segments share a query."""
    alike: dict[tuple[Span, ...], list[int]] = defaultdict(list)
    places: list[tuple[int, SloVersion, tuple[Span, ...]]] = []
    for one in found:
        slo_id = one.slo.pk
        out = spans.get(slo_id)
        for part in one.segments:
            whole = [(part.start, part.end)]
            left = tuple(windows.included(*whole[0], out) if out else whole)
            alike[left].append(slo_id)
            places.append((slo_id, part.version, left))
    sums = {left: _sums(client_id, ids, left) for left, ids in alike.items()}
    result: dict[int, Counted] = defaultdict(list)
    for slo_id, version, left in places:
        result[slo_id].append((version, sums[left].get(slo_id, Sums())))
    return result


def _sums(client_id: int, slo_ids: list[int], left: tuple[Span, ...]) -> dict[int, Sums]:
    if not left:
        return {}
    start, end = left[0][0], left[-1][1]
    between = [(before[1], after[0]) for before, after in pairwise(left)]
    return windows.sums(client_id, slo_ids, start, end, between)


def _standing(
    client_id: int,
    held: Held,
    net: Counted,
    gross: Counted,
    spans: list[Span],
    quiet: _Quiet,
    now: datetime,
) -> Standing:
    total = _total(net)
    gross_total = total if net is gross else _total(gross)
    figures = _figures(net) if total.total else None
    # Without exclusions it is the same list.
    as_it_was = figures if net is gross else _figures(gross) if gross_total.total else None
    burn = figures.burn if figures else None
    silent_since = quiet.since(held.version, held.segments[-1].end, gross_total.total)
    return Standing(
        slo=held.slo,
        version=held.version,
        client_id=client_id,
        start=held.segments[0].start,
        end=held.segments[-1].end,
        sums=total,
        gross=gross_total,
        status=_status(held, figures, total, gross_total, _all_out(held, spans, now), silent_since),
        attained=figures.attained if figures else None,
        budget_left=None if burn is None else 1 - burn,
        burn=burn,
        silent_since=silent_since,
        required=figures.required if figures else _required(held.version),
        gross_attained=as_it_was.attained if as_it_was else None,
        gross_status=_status(held, as_it_was, gross_total, gross_total, False, silent_since),
        segments=held.segments,
        excluded=tuple(spans),
    )


def _status(
    held: Held,
    figures: _Figures | None,
    total: Sums,
    gross: Sums,
    all_out: bool,
    silent_since: datetime | None,
) -> Status:
    if all_out or (gross.total and not total.total):
        return Status.EXCLUDED
    if figures is None and silent_since is not None:
        return Status.NO_DATA
    if figures is None or total.total < held.version.minimum:
        return Status.INSUFFICIENT_DATA
    if not figures.kept:
        return Status.BREACH
    return Status.AT_RISK if figures.at_risk else Status.OK


def _all_out(held: Held, spans: list[Span], now: datetime) -> bool:
    """Whether nothing of the time that has passed counts."""
    if not spans:
        return False
    passed = [(one.start, min(one.end, now)) for one in held.segments if one.start < now]
    return bool(passed) and not any(windows.included(*span, spans) for span in passed)


def _figures(counted: Counted) -> _Figures:
    """Raises ZeroDivisionError without events."""
    version = counted[-1][0]
    if version.kind in _BY_SHARE:
        return _by_share(counted)
    total = _total(counted)
    required = sum(version.threshold * sums.total for version, sums in counted) / total.total
    mean = round(total.value_sum / total.total, 9)
    if version.kind in (Kind.SATISFACTION, Kind.AT_LEAST):
        return _Figures(mean >= round(required, 9), mean, required)
    if version.aggregate == ResourceLimit.Aggregate.MEAN:
        return _Figures(mean <= round(required, 9), mean, required)
    # A limit on the largest or the latest value holds at every moment, each by its own version.
    largest = max(sums.value_max for _, sums in counted if sums.value_max is not None)
    kept = all(sums.value_max is None or sums.value_max <= v.threshold for v, sums in counted)
    return _Figures(kept, largest, version.threshold)


def _by_share(counted: Counted) -> _Figures:
    """In decimals: 1 bad of 1,000 keeps 99.9 %, whatever binary fractions make of it."""
    total = _total(counted)
    bad = total.total - total.good
    allowed = sum((_allowed(v.share, sums) for v, sums in counted), Decimal(0))
    inside = sum((_allowed(v.internal_share or v.share, sums) for v, sums in counted), Decimal(0))
    return _Figures(
        kept=bad <= allowed,
        attained=100.0 * total.good / total.total,
        required=float(100 - 100 * allowed / total.total),
        allowed=allowed,
        bad=bad,
        at_risk=bad > min(inside, SPENT_AT_RISK * allowed),
    )


def _allowed(share: float, sums: Sums) -> Decimal:
    return (100 - Decimal(str(share))) * sums.total / 100


def _required(version: SloVersion) -> float:
    return version.share if version.kind in _BY_SHARE else version.threshold


def _total(counted: Counted) -> Sums:
    if len(counted) == 1:
        return counted[0][1]
    parts = [sums for _, sums in counted]
    largest = [one.value_max for one in parts if one.value_max is not None]
    return Sums(
        sum(one.good for one in parts),
        sum(one.total for one in parts),
        math.fsum(one.value_sum for one in parts),
        max(largest, default=None),
    )
