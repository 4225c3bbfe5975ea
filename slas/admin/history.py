"""A promise's versions as a timeline: when, who, why, and which numbers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from accounts import visibility
from slas import names, versions
from slas.admin.slos import in_words
from slas.models import ModelTarget, ResourceLimit, Sla, SloVersion

MOST = 300


@dataclass
class Step:
    """One change: all that began or ended with it."""

    at: datetime | None  # None: from ever
    entered: datetime | None
    who: str
    reason: str
    lines: list[tuple[str, str, str]] = field(default_factory=list)  # what, before, now


def of(promise: Sla | ModelTarget | ResourceLimit, user: Any) -> list[Step]:
    """The promise's changes, newest first, with contracts' of clients that ``user`` may see."""
    found = SloVersion.objects.filter(slo__base__startswith=_prefix(promise))
    if isinstance(promise, ResourceLimit):
        found = found.filter(slo__base=_prefix(promise))
    found = visibility.limit(found, user, "slo__client", shared=True)
    newest = found.select_related("slo__client", "changed_by").order_by("-valid_from", "slo_id")
    return steps(newest[:MOST])


def steps(found: Iterable[SloVersion]) -> list[Step]:
    """PURE: versions as changes, newest first."""
    by_slo: dict[int, list[SloVersion]] = defaultdict(list)
    for version in found:
        by_slo[version.slo_id].append(version)
    made: dict[tuple[Any, ...], Step] = {}
    for own in by_slo.values():
        own.sort(key=lambda version: version.valid_from)
        before: SloVersion | None = None
        for version in own:
            step = _step(made, version)
            step.lines.append((_what(version), in_words(before) if before else "", _now(version)))
            before = version
        for version, later in [*pairwise(own), (own[-1], None)]:
            until = version.valid_until
            if until is not None and (later is None or later.valid_from > until):
                ended = made.setdefault((until, "end"), Step(until, None, "", ""))
                ended.lines.append((_what(version), in_words(version), "no longer promised"))
    return sorted(made.values(), key=lambda step: step.at or versions.EVER, reverse=True)


def _step(made: dict[tuple[Any, ...], Step], version: SloVersion) -> Step:
    key = (version.valid_from, version.reason, version.changed_by_id)
    ever = version.valid_from == versions.EVER
    who = str(version.changed_by) if version.changed_by else ""
    start = None if ever else version.valid_from
    return made.setdefault(key, Step(start, version.created_at, who, version.reason))


def _what(version: SloVersion) -> str:
    what = names.in_words(version.slo.base).partition(": ")[2]
    what = what[:1].upper() + what[1:]
    return f"{what} for {version.slo.client}" if version.slo.client else what


def _now(version: SloVersion) -> str:
    return in_words(version)


def _prefix(promise: Sla | ModelTarget | ResourceLimit) -> str:
    if isinstance(promise, Sla):
        return f"sla:{promise.code}:"
    if isinstance(promise, ModelTarget):
        return f"model:{promise.model_name}:"
    return f"limit:{promise.component}:{promise.name}"
