"""A client's compliance report over a period: its content, and the digest that seals it.

The content depends on what is stored alone: no clock, no language, no zone of
who looks. Times in it are ISO 8601 in the client's zone.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import Client
from metrics.spans import floor
from slas import (
    contracts,
    exclusions,
    ledger_words,
    names,
    percentiles,
    periods,
    report_words,
    scorecard,
    standing,
    terms,
    windows,
)
from slas.models import Contract, Exclusion
from slas.objectives import Kind
from slas.percentiles import Percentiles, Selection
from slas.periods import Period
from slas.report_words import BROKEN, KEPT
from slas.standing import Standing
from slas.windows import Span

FORMAT = 1
LONGEST = timedelta(days=400)
# Standings ask what services do now, unless the span is long over: a report must not.
_LONG_AFTER = timedelta(days=3650)
# Mostly the very last hour has some.
_LAST_HOUR = """
SELECT coalesce((
    SELECT hour FROM sli_hours WHERE client_id = %s AND slo_id = ANY(%s) AND hour = %s LIMIT 1
), (
SELECT max(h.hour) FROM unnest(%s::bigint[]) AS o (id) CROSS JOIN LATERAL (
    SELECT hour FROM sli_hours WHERE client_id = %s AND slo_id = o.id AND hour >= %s AND hour < %s
    ORDER BY hour DESC LIMIT 1) h
))
"""

Content = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What the report says, ready for JSON, and its SHA-256."""

    content: Content
    digest: str


def of(client: Client, period: Period) -> Report:
    """The client's report over the period, from what is stored now."""
    found = standing.standings(client, period.start, period.end, period.end + _LONG_AFTER)
    content = {
        "format": FORMAT,
        "client": {"code": client.code, "name": client.name, "time_zone": client.time_zone},
        "period": _period(client, period, found),
        "scorecard": scorecard.of(found),
        "promises": _promises(client, found),
        "credits": _credits(client, period, found),
        "exclusions": _exclusions(client, period, found),
        "method": list(report_words.METHOD),
    }
    return Report(content, digest(content))


def canonical(content: Content) -> str:
    """PURE: the one way to write the content: keys sorted, no spaces."""
    return json.dumps(
        content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def digest(content: Content) -> str:
    """PURE: the SHA-256 of the canonical content, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def days(first: date, last: date, zone: str) -> Period:
    """The period from the first day to the last, that one included.

    Raises ValueError when they are in the wrong order or more than LONGEST apart.
    """
    if last < first:
        raise ValueError("The last day comes before the first: exchange them.")
    if last - first >= LONGEST:
        raise ValueError(f"A report covers at most {LONGEST.days} days: choose a later first day.")
    start = periods.midnight(first, zone)
    end = periods.midnight(last + timedelta(days=1), zone)
    return Period(start, end, f"{first} – {last}", "days", zone)


def number(value: float | None) -> float | int | None:
    """PURE: a figure as the content holds it: the last bits depend on the order of adding."""
    if value is None:
        return None
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def _period(client: Client, period: Period, found: list[Standing]) -> Content:
    with connection.cursor() as cursor:
        ids = [one.slo.pk for one in found]
        hour = floor(period.end - windows.MINUTE, windows.HOUR)
        cursor.execute(_LAST_HOUR, [client.pk, ids, hour, ids, client.pk, period.start, period.end])
        (last,) = cursor.fetchone()
    return {
        "name": period.name,
        "kind": period.kind,
        "start": _time(period.start, client),
        "end": _time(period.end, client),
        "last_hour_with_data": _time(last, client) if last else None,
    }


def _promises(client: Client, found: list[Standing]) -> list[Content]:
    gross = _percentiles(client, found, excluded=False)
    excluded = any(one.excluded for one in found)
    net = _percentiles(client, found, excluded=True) if excluded else gross
    return [
        _promise(client, one, net.get(one.slo.pk), gross.get(one.slo.pk))
        for one in sorted(found, key=lambda one: (one.slo.base, one.slo.client_id or 0))
    ]


def _promise(
    client: Client, one: Standing, net: Percentiles | None, gross: Percentiles | None
) -> Content:
    version = one.version
    contract = version.contract if version.contract_id else None
    counted = _figures(one, one.sums, one.attained, one.status, net)
    as_it_was = counted
    if one.excluded:
        as_it_was = _figures(one, one.gross, one.gross_attained, one.gross_status, gross)
    return {
        "objective": one.slo.base,
        "name": names.in_words(one.slo.base),
        "kind": version.kind,
        "contract": str(contract) if contract else None,
        "impact": contract.business_impact if contract else "",
        "unit": report_words.unit(version),
        "events": report_words.events(version.kind),
        "required": number(one.required),
        "counted": {**counted, "budget_left": number(one.budget_left)},
        "without_exclusions": as_it_was,
        "excluded_minutes": _minutes(exclusions.union(one.excluded)) if one.excluded else 0,
        "business_hours": terms.hours_text(version.business_hours),
        "versions": _versions(client, one),
    }


def _figures(
    one: Standing,
    sums: windows.Sums,
    attained: float | None,
    status: str,
    read: Percentiles | None,
) -> Content:
    return {
        # Of votes and values, good ones alone decide nothing.
        "good": sums.good if one.version.kind in {Kind.LATENCY, Kind.AVAILABILITY} else None,
        "total": sums.total,
        "attained": number(attained),
        "verdict": report_words.VERDICTS[status],
        "percentiles": {
            "unit": one.version.unit,
            **{name: number(value) for name, value in read.values.items()},
            "error_percent": None if read.approximate else report_words.ERROR_BOUND,
        }
        if read
        else None,
    }


def _versions(client: Client, one: Standing) -> list[Content]:
    found: dict[int, Content] = {}
    for part in one.segments:
        version = part.version
        # A client's own contract may cut one version in two: told as one line.
        line = found.setdefault(
            version.pk,
            {
                "number": version.number,
                "promised": report_words.promised(version),
                "minimum": version.minimum,
                "reason": version.reason,
                "changed_by": str(version.changed_by) if version.changed_by_id else None,
                "from": _time(part.start, client),
            },
        )
        line["until"] = _time(part.end, client)
    return list(found.values())


def _percentiles(
    client: Client, found: list[Standing], *, excluded: bool
) -> dict[int, Percentiles]:
    """By objective. Objectives over the same time are read at once."""
    alike: dict[tuple[Span, ...], dict[int, Selection]] = {}
    for one in found:
        if one.version.kind == Kind.SATISFACTION or not one.version.metric_name:
            continue
        out = one.excluded if excluded else ()
        spans = tuple(
            span for part in one.segments for span in windows.included(part.start, part.end, out)
        )
        asked = percentiles.selection(one.version, is_platform=client.is_platform)
        alike.setdefault(spans, {})[one.slo.pk] = asked
    result: dict[int, Percentiles] = {}
    for spans, asked_by in alike.items():
        read = percentiles.of(client.pk, asked_by.values(), spans)
        result |= {pk: read[asked] for pk, asked in asked_by.items() if asked in read}
    return result


def _credits(client: Client, period: Period, found: list[Standing]) -> list[Content]:
    """What each whole month's availability gives back by the client's contracts."""
    own = [
        one.slo
        for one in found
        if one.version.contract_id and one.version.kind == Kind.AVAILABILITY
    ]
    return [
        _credit(month, one, one.version.contract)
        for month in (_months(client, period) if own else [])
        for one in standing.standings(client, month.start, month.end, month.end + _LONG_AFTER, own)
        if one.version.contract
    ]


def _credit(month: Period, one: Standing, contract: Contract) -> Content:
    attained = _judged(one.status, one.attained)
    gross = _judged(one.gross_status, one.gross_attained)
    amount = contracts.credit_amount(contract, attained)
    return {
        "month": month.name,
        "objective": one.slo.base,
        "contract": str(contract),
        "terms": terms.credits_text(contract.credit_terms),
        "attained": number(attained),
        "percent": number(contracts.credits(contract, attained)),
        "amount": None if amount is None else str(amount),
        "currency": contract.currency,
        "percent_without_exclusions": number(contracts.credits(contract, gross)),
    }


def _judged(status: str, attained: float | None) -> float | None:
    return attained if report_words.VERDICTS[status] in {KEPT, BROKEN} else None


def _months(client: Client, period: Period) -> Iterable[Period]:
    month = periods.month(period.start, client.time_zone)
    while month.end <= period.end:
        if month.start >= period.start:
            yield month
        month = periods.month(month.end, client.time_zone)


def _exclusions(client: Client, period: Period, found: list[Standing]) -> list[Content]:
    """Those that are in force in the period for a promise of the report."""
    if not any(one.excluded for one in found):
        return []
    bases = {"", *(one.slo.base for one in found)}
    components = {"", *(part.version.component for one in found for part in one.segments)}
    lines = []
    for one in exclusions.in_force(client.pk, period.start, period.end):
        taken = exclusions.occurrences(one, period.start, period.end)
        if taken and one.objective in bases and one.component in components:
            lines.append(_exclusion(client, one, taken))
    return lines


def _exclusion(client: Client, one: Exclusion, taken: list[Span]) -> Content:
    return {
        "id": one.pk,
        "category": one.get_category_display(),
        "reason": one.reason,
        "for": one.client.name if one.client else "Every client",
        "scope": ledger_words.scope(one),
        "when": ledger_words.when(one, ZoneInfo(client.time_zone)),
        "times": len(taken),
        "minutes": _minutes(exclusions.union(taken)),
        "requested_by": str(one.requested_by),
        "requested_at": _time(one.requested_at, client),
        "approved_by": str(one.decided_by),
        "approved_at": _time(one.decided_at, client) if one.decided_at else None,
        "note": one.note,
    }


def _minutes(spans: Iterable[Span]) -> int:
    return sum(int((until - since).total_seconds()) // 60 for since, until in spans)


def _time(at: datetime, client: Client) -> str:
    return _in_zone(at, client.time_zone)


@lru_cache(maxsize=1024)
def _in_zone(at: datetime, zone: str) -> str:
    """Most of a report's times are the same few."""
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
