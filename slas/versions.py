"""Objectives over time: what was promised when, by default and in single clients' contracts.

Each objective (slas.objectives) has an Slo and, for each set of numbers that it
was ever promised with, an SloVersion. A minute is judged by the version in
force at its start; so a new version begins with the next whole minute. Those of
a contract begin and end with its days, also when it is entered later: then the
client's minutes are counted again, as far back as there are rows to count.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from slas import contracts, objectives, slis
from slas.models import Contract, SliDay, SliHour, SliMinute, Slo, SloVersion
from slas.objectives import Objective

EVER = datetime(1970, 1, 1, tzinfo=UTC)
# The reason of a version that nobody made in the admin.
FIRST, FOUND_CHANGED = "First promised.", "Changed outside the admin."
MINUTE = timedelta(minutes=1)
# Syncs are rare and short: one at a time.
_LOCK = slis.VERSIONS_LOCK

Key = tuple[str, int | None]  # an objective's base, and the client whose own it is


def numbers(objective: Objective) -> dict[str, Any]:
    """What makes a version: everything of the objective that its SLI or verdict depends on."""
    return {
        "kind": objective.kind.value,
        "metric_name": objective.metric_name,
        "component": objective.component,
        "unit": str(objective.unit),
        "query_complexity": objective.query_complexity,
        "model": objective.model,
        "threshold": objective.threshold,
        "good_within": objective.good_within,
        "share": objective.share,
        "minimum": objective.minimum,
        "window_seconds": int(objective.window.total_seconds()),
        "aggregate": str(objective.aggregate),
        "include_synthetic": objective.include_synthetic,
        "internal_share": None,
        "business_hours": [],
        "contract_id": None,
    }


def sync(now: datetime, *, reason: str = "", by: User | None = None) -> int:
    """Bring the versions in line with what is promised now; return how many began or ended.

    Repeatable and safe at once from several processes: who comes second finds nothing to do.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return _Sync(now, reason, by).run()


def in_force(at: datetime) -> list[SloVersion]:
    """The versions by which a minute that begins at ``at`` is judged."""
    return list(
        SloVersion.objects.filter(valid_from__lte=at)
        .exclude(valid_until__lte=at)
        .select_related("slo")
        .order_by("slo_id")
    )


class _Sync:
    """One pass, under the lock."""

    def __init__(self, now: datetime, reason: str, by: User | None) -> None:
        self.now, self.reason, self.by = now, reason, by
        self.next_minute = now.replace(second=0, microsecond=0) + MINUTE
        self.kept_since = slis.kept_since(now)
        known = Contract.objects.select_related("client", "sla")
        self.contracts = {one.pk: one for one in known}
        self.slos: dict[Key, Slo] = {(one.base, one.client_id): one for one in Slo.objects.all()}
        self.made: list[SloVersion] = []
        self.done = 0
        # Whose minutes have to be counted again: client (None: all) → since when, which metrics.
        self.since: dict[int | None, datetime] = {}
        self.metrics: dict[int | None, set[str]] = defaultdict(set)

    def run(self) -> int:
        """Fit contracts' versions to their days, then end and begin what changed."""
        self._fit()
        wanted = self._wanted()
        open_ended = SloVersion.objects.filter(valid_until=None).select_related("slo")
        current = {(one.slo.base, one.slo.client_id): one for one in open_ended}
        for key, version in current.items():
            if key not in wanted:
                self._close(version, self.next_minute)
        changed = {
            key: found
            for key, found in wanted.items()
            if key not in current or not _same(current[key], found)
        }
        self._make_slos(changed)
        lasts = self._lasts(changed)
        for key, found in changed.items():
            slo = self.slos[key]
            self._begin(slo, lasts.get(slo.pk), current.get(key), found)
        SloVersion.objects.bulk_create(self.made)
        self._enter_past()
        _forget_unpromised()
        for client_id, since in self.since.items():
            slis.count_again(since, sorted(self.metrics[client_id]), client_id)
        return self.done

    def _wanted(self) -> dict[Key, dict[str, Any]]:
        found: dict[Key, dict[str, Any]] = {
            (objective.key, None): numbers(objective) for objective in objectives.enabled()
        }
        for contract in self.contracts.values():
            start, end = contracts.span(contract)
            if start <= self.now and (end is None or self.now < end):
                for objective, more in contracts.promised(contract):
                    found[objective.key, contract.client_id] = {**numbers(objective), **more}
        return found

    def _fit(self) -> None:
        """Hold the versions of contracts within their contract's days, which may have changed."""
        first: set[tuple[int, int]] = set()
        versions = SloVersion.objects.filter(contract__isnull=False).select_related("slo")
        for version in versions.order_by("valid_from"):
            contract = self.contracts[version.contract_id or 0]
            start, end = contracts.span(contract)
            if contract.withdrawn or start > self.now:
                self._move(version, version.valid_from, version.valid_from)
                continue
            since, until = max(version.valid_from, start), version.valid_until
            if (version.slo_id, contract.pk) not in first:
                since = self._from(start) if self._from(start) < since else since
            first.add((version.slo_id, contract.pk))
            if end is not None and end <= self.now:
                until = min(until or end, end)
            self._move(version, since, until)

    def _move(self, version: SloVersion, since: datetime, until: datetime | None) -> None:
        """Give a contract's version other ends; one without a minute goes."""
        if (since, until) == (version.valid_from, version.valid_until):
            return
        old, new = (version.valid_from, version.valid_until), (since, until)
        changed = [
            t for pair in zip(old, new, strict=True) if pair[0] != pair[1] for t in pair if t
        ]
        self._again(version.slo.client_id, version.metric_name, min(changed))
        self.done += 1
        if until is not None and until <= since:
            version.delete()
        else:
            version.valid_from, version.valid_until = since, until
            version.save(update_fields=["valid_from", "valid_until"])

    def _make_slos(self, keys: Iterable[Key]) -> None:
        """All at once: the first sync has dozens."""
        new = [Slo(base=base, client_id=pk) for base, pk in keys if (base, pk) not in self.slos]
        self.slos |= {(one.base, one.client_id): one for one in Slo.objects.bulk_create(new)}

    def _lasts(self, keys: Iterable[Key]) -> dict[int, SloVersion]:
        """The newest version of each that has any, by the objective's id."""
        slos = [self.slos[key].pk for key in keys]
        versions = SloVersion.objects.filter(slo__in=slos).order_by("slo_id", "-number")
        return {one.slo_id: one for one in versions.distinct("slo_id")}

    def _begin(
        self,
        slo: Slo,
        last: SloVersion | None,
        current: SloVersion | None,
        found: dict[str, Any],
    ) -> None:
        """Begin a version where it is due: see _start."""
        self.done += 1
        start = self._start(slo, last, found)
        if current is not None:
            # Rows whose clock is ahead may have been counted for minutes that are yet to come.
            self._again(slo.client_id, current.metric_name, start)
            if current.valid_from >= start:
                # Changed twice within a minute: the first change never judged anything.
                self._again(slo.client_id, found["metric_name"], start)
                reason = self.reason or FOUND_CHANGED
                SloVersion.objects.filter(pk=current.pk).update(
                    **found, reason=reason, changed_by=self.by
                )
                return
            SloVersion.objects.filter(pk=current.pk).update(valid_until=start)
        self.made.append(self._make(slo, last, found, start))

    def _start(self, slo: Slo, last: SloVersion | None, found: dict[str, Any]) -> datetime:
        """The next minute; the first of an objective holds from ever, of a contract with it."""
        contract_id = found["contract_id"]
        if contract_id is None:
            return self.next_minute if last else EVER
        if slo.versions.filter(contract_id=contract_id).exists():
            return self.next_minute
        return self._from(contracts.span(self.contracts[contract_id])[0])

    def _make(
        self,
        slo: Slo,
        last: SloVersion | None,
        found: dict[str, Any],
        start: datetime,
        end: datetime | None = None,
    ) -> SloVersion:
        # A contract that follows another is no change of that one.
        goes_on = last is not None and last.contract_id == found["contract_id"]
        self._again(slo.client_id, found["metric_name"], start)
        return SloVersion(
            slo=slo,
            number=last.number + 1 if last else 1,
            valid_from=start,
            valid_until=end,
            reason=self.reason or (FOUND_CHANGED if goes_on else FIRST),
            changed_by=self.by,
            **found,
        )

    def _enter_past(self) -> None:
        """Contracts entered when they were over already: their versions begin and end at once."""
        entered = set(SloVersion.objects.values_list("contract_id", flat=True).distinct())
        for contract in self.contracts.values():
            start, end = contracts.span(contract)
            if end is None or end > self.now or end <= self._from(start):
                continue
            if contract.pk in entered:
                continue
            found = {
                (objective.key, contract.client_id): numbers(objective) | more
                for objective, more in contracts.promised(contract)
            }
            self._make_slos(found)
            lasts = self._lasts(found)
            SloVersion.objects.bulk_create(
                self._make(slo, lasts.get(slo.pk), found[key], self._from(start), end)
                for key, slo in ((key, self.slos[key]) for key in found)
            )
            self.done += len(found)

    def _close(self, version: SloVersion, at: datetime) -> None:
        """End it; one that would not have begun before that never held, and goes."""
        self.done += 1
        self._again(version.slo.client_id, version.metric_name, at)
        if version.valid_from >= at:
            version.delete()
            return
        SloVersion.objects.filter(pk=version.pk).update(valid_until=at)

    def _from(self, start: datetime) -> datetime:
        """A contract's first minute that can still be counted."""
        return max(start, self.kept_since)

    def _again(self, client_id: int | None, metric_name: str, since: datetime) -> None:
        since = max(since, self.kept_since)
        self.since[client_id] = min(since, self.since.get(client_id, since))
        self.metrics[client_id].add(metric_name)


def _same(version: SloVersion, found: dict[str, Any]) -> bool:
    return all(getattr(version, name) == value for name, value in found.items())


def _forget_unpromised() -> None:
    """Drop what was counted for contracts' objectives that have no version left.

    Done every time: a count that was under way when they went may still have written.
    """
    for slo in Slo.objects.filter(client__isnull=False, versions=None):
        for model in (SliMinute, SliHour, SliDay):
            model.objects.filter(client=slo.client_id, slo=slo.pk).delete()
