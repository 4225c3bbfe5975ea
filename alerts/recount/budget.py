"""An alert's error budget and credit, counted again from rows instead of SLI minutes and hours."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import Client
from slas import contracts, exclusions, periods, slis, windows
from slas.contracts import Segment
from slas.models import SliMinute, SloVersion
from slas.windows import Span

Minute = tuple[datetime, int, int]  # when, good, total
PERIOD = timedelta(days=30)
# Written for this alone: slas.slis counts by another statement.
_MINUTES = """
SELECT date_trunc('minute', "timestamp") AS minute,
    count(*) FILTER (WHERE success AND metric_value <= %(good_within)s), count(*)
FROM ai_performance_metrics
WHERE client_id = %(client)s AND component = %(component)s AND metric_name = %(metric_name)s
    AND measurement_unit = %(unit)s AND query_complexity IS NOT DISTINCT FROM
        coalesce(nullif(%(query_complexity)s, ''), query_complexity)
    AND (%(model)s = '' OR jsonb_exists(ml_models_used, %(model)s))
    AND (%(probes)s OR NOT synthetic) AND id <= %(newest)s
    AND "timestamp" >= %(start)s AND "timestamp" < %(end)s
GROUP BY 1 ORDER BY 1
"""


class Gone(Exception):
    """The rows of a part of the period are not kept any more; the message says since when."""


class Budget:
    """One alert's, from the rows that were stored when its evidence was gathered."""

    def __init__(self, evidence: Mapping[str, Any]) -> None:
        self._evidence, self._newest = evidence, evidence["newest_row"] or 0
        self._client = Client.objects.get(pk=evidence["selection"]["client_id"])
        self._end = datetime.fromisoformat(evidence["window"]["end"])
        known = SloVersion.objects.select_related("slo", "contract__client", "contract__sla")
        self._version = known.filter(pk=evidence["rule"]["version_id"]).first()

    def numbers(self, *, credit: bool) -> dict[str, Any]:
        """Named as in the impact, with the ``credit`` or without. Raises Gone."""
        kind, counts = self._evidence["kind"], self._evidence["counts"]
        found: dict[str, Any] = {"budget_left": None, "budget_spent": None, "exhausted_at": None}
        found |= {"burn": _burn(kind, counts, self._evidence["rule"]["share"]), "credit": None}
        version = self._version
        if version is None or kind not in {"latency", "availability"}:
            return found
        whole = self._end.replace(second=0, microsecond=0)
        allowed, bad, _, _ = self._sums(version, whole - PERIOD, whole)
        if allowed:
            left = 1 - float(bad / allowed)
            found |= {"budget_left": left, "budget_spent": 1 - left}
            found["exhausted_at"] = _exhausted(self._end, left, found["burn"])
        return found | {"credit": self._credit(version) if credit else None}

    def windows(self) -> dict[str, Any]:
        """What the rule that fired saw, by its two windows. Raises Gone."""
        fired, version = self._evidence["fired"], self._version
        if not fired or version is None:
            return {}
        found = {}
        for name in ("long", "short"):
            start, end = (datetime.fromisoformat(fired[name][side]) for side in ("start", "end"))
            _, bad, good, total = self._sums(version, start, end)
            counts, share = {"good": good, "total": total}, self._evidence["rule"]["share"]
            burn = _burn(self._evidence["kind"], counts, share)
            found[name] = {"bad": bad, "total": total, "burn": burn}
        return {"fired": found}

    def _sums(
        self, version: SloVersion, start: datetime, end: datetime
    ) -> tuple[Decimal, int, int, int]:
        """Bad events allowed, bad, good and total, by the version in force at each minute."""
        client = self._client
        _check_kept(client, version, start)
        out = exclusions.spans(client.pk, version.slo, start, end)
        allowed, good, total = Decimal(0), 0, 0
        for held in contracts.held(client.pk, start, end, [version.slo_id]):
            for part in held.segments:
                hours = part.version.business_hours
                closed = contracts.closed(hours, client.time_zone, part.start, part.end)
                spans = windows.included(part.start, part.end, [*out, *closed])
                ok, every = _within(self._minutes(part), spans)
                allowed += (100 - Decimal(str(part.version.share))) * every / 100
                good, total = good + ok, total + every
        return allowed, total - good, good, total

    def _minutes(self, part: Segment) -> list[Minute]:
        version = part.version
        names = ("component", "metric_name", "unit", "query_complexity", "model", "good_within")
        values = {name: getattr(version, name) for name in names}
        client = self._client
        values |= {"client": client.pk, "newest": self._newest, "start": part.start}
        values |= {"end": part.end, "probes": version.include_synthetic or client.is_platform}
        with connection.cursor() as cursor:
            cursor.execute(_MINUTES, values)
            return [tuple(row) for row in cursor.fetchall()]

    def _credit(self, version: SloVersion) -> dict[str, Any]:
        month = periods.month(self._end, self._client.time_zone)
        until = self._end.replace(second=0, microsecond=0)
        _, _, good, total = self._sums(version, month.start, until)
        passed, left = until - month.start, month.end - until
        counts = self._evidence["counts"]
        share = counts["good"] / counts["total"]
        attained = 100 * good / total if total else None
        coming = 100 * share
        if total:
            more = total * (left / max(passed, timedelta(1)))
            coming = 100 * (good + more * share) / (total + more)
        contract = version.contract
        terms = contract.credit_terms if contract else []
        fee = contract.monthly_fee if contract else None
        at_stake, due = _percent(terms, coming), _percent(terms, attained)
        return {
            "attained": attained,
            "projected": coming,
            "percent": at_stake,
            "amount": _amount(fee, at_stake),
            "due_percent": due,
            "due_amount": _amount(fee, due),
        }


def _check_kept(client: Client, version: SloVersion, start: datetime) -> None:
    kept = slis.kept_since(timezone.now())
    older = SliMinute.objects.filter(
        client=client, slo=version.slo, minute__gte=start, minute__lt=kept
    )
    if start < kept and older.exists():
        raise Gone(f"rows before {kept:%Y-%m-%d} are not kept")


def _within(minutes: Sequence[Minute], spans: Iterable[Span]) -> tuple[int, int]:
    good = total = 0
    for since, until in spans:
        first, last = (bisect_left(minutes, (at, -1, -1)) for at in (since, until))
        good += sum(one[1] for one in minutes[first:last])
        total += sum(one[2] for one in minutes[first:last])
    return good, total


def _burn(kind: str, counts: Mapping[str, int], share: float) -> float | None:
    if kind not in {"latency", "availability"} or not counts["total"]:
        return None
    if share < 100:
        return 100 * (counts["total"] - counts["good"]) / counts["total"] / (100 - share)
    return None if counts["good"] < counts["total"] else 0.0


def _exhausted(end: datetime, left: float, burn: float | None) -> str | None:
    if burn is None or (burn <= 0 and left > 0):
        return None
    lasts = PERIOD * max(0.0, left) / burn if left > 0 else timedelta(0)
    return (end + lasts).isoformat() if lasts < timedelta(days=365) else None


def _percent(terms: Iterable[Mapping[str, float]], attained: float | None) -> float:
    due = [one["percent"] for one in terms if attained is not None and attained < one["below"]]
    return float(max(due, default=0))


def _amount(fee: Decimal | None, percent: float) -> str | None:
    if fee is None:
        return None
    exact = fee * Decimal(str(percent)) / 100
    return str(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
