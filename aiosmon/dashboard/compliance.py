"""SLA compliance: each objective's newest verdict, and the last hour of verdicts."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, IntegerField, Max, QuerySet, Value, When
from django.urls import reverse

from accounts import visibility
from accounts.models import User
from metrics import formats
from slas import objectives
from slas.models import Sla, Verdict
from slas.objectives import Kind, Objective

MINUTES = 60
FRESH = timedelta(minutes=10)
# The worst verdict of a minute is the minute's.
_RANKS = {
    Verdict.Status.EXCLUDED: 1,
    Verdict.Status.NO_DATA: 1,
    Verdict.Status.INSUFFICIENT_DATA: 1,
    Verdict.Status.OK: 2,
    # The window misses the promise, but by no more than chance may.
    Verdict.Status.AT_RISK: 2,
    Verdict.Status.BREACH: 3,
}
# rank → (level, word); 0: no verdict
LEVELS = {
    0: ("none", "No verdict"),
    1: ("insufficient", "Too little data"),
    2: ("ok", "Kept"),
    3: ("breach", "Breached"),
}


@dataclass(frozen=True)
class Bar:
    """One minute's verdict."""

    level: str
    x: int


@dataclass(frozen=True)
class Row:
    """One objective."""

    what: str
    level: str
    word: str
    current: str
    promise: str
    detail: str
    client: str
    bars: list[Bar]
    bars_title: str


@dataclass(frozen=True)
class Group:
    """One SLA with its objectives."""

    name: str
    url: str
    rows: list[Row]


@dataclass(frozen=True)
class Compliance:
    """The panel, with how many SLAs are kept, breached and undecided."""

    groups: list[Group]
    kept: int
    breached: int
    undecided: int


def panel(user: User | AnonymousUser, now: datetime) -> Compliance:
    """Every enabled SLA's objectives for the clients this person may see, in three queries."""
    slas = list(Sla.objects.filter(enabled=True))
    promised = {sla.code: objectives.of_sla(sla) for sla in slas}
    keys = [objective.key for found in promised.values() for objective in found]
    verdicts = visibility.limit(Verdict.objects.filter(objective__in=keys), user)
    newest: dict[str, list[Verdict]] = defaultdict(list)
    fresh = verdicts.filter(window_end__gte=now - FRESH, window_end__lte=now)
    latest = fresh.order_by("objective", "client_id", "-window_end")
    for verdict in latest.distinct("objective", "client_id").select_related("client"):
        newest[verdict.objective].append(verdict)
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    strips = _strips(verdicts.filter(window_end__gte=start), start)
    ranks = [
        max((_RANKS[Verdict.Status(v.status)] for o in found for v in newest[o.key]), default=0)
        for found in promised.values()
    ]
    return Compliance(
        groups=[
            Group(
                name=code.replace("_", " ").capitalize(),
                url=f"{reverse('admin:slas_sla_changelist')}?q={code}",
                rows=[_row(o, worst_verdict(o, newest[o.key]), strips[o.key]) for o in found],
            )
            for code, found in promised.items()
        ],
        kept=ranks.count(2),
        breached=ranks.count(3),
        undecided=ranks.count(0) + ranks.count(1),
    )


def worst_verdict(objective: Objective, verdicts: list[Verdict]) -> Verdict | None:
    """PURE: a breach before a kept promise before too little data; then the worse figure."""

    def badness(verdict: Verdict) -> tuple[int, float]:
        return _RANKS[Verdict.Status(verdict.status)], -score(objective, verdict)

    return max(verdicts, key=badness, default=None)


def score(objective: Objective, verdict: Verdict) -> float:
    """PURE: the figure that is judged, higher is better: a rating, or a share of good events."""
    if objective.kind == Kind.SATISFACTION:
        return verdict.actual or 0.0
    return (verdict.good or 0) / verdict.total if verdict.total else 0.0


def current_and_detail(objective: Objective, verdict: Verdict | None) -> tuple[str, str]:
    """PURE: the judged figure, and what else is worth knowing of it."""
    if verdict is None:
        return "–", ""
    if objective.kind == Kind.SATISFACTION and verdict.actual is not None:
        unit = objective.threshold_unit
        current, _target = formats.measures(verdict.actual, verdict.threshold, unit)
        return current, f"{verdict.total:,} ratings"
    count = f"{verdict.total:,} requests"
    if objective.kind == Kind.LATENCY and verdict.actual is not None:
        count = f"p{objective.share:g} {formats.measure(verdict.actual, objective.unit)}, {count}"
    return formats.share(verdict.good or 0, verdict.total), count


def promise(objective: Objective) -> str:
    """PURE: what is promised, in short."""
    if objective.kind == Kind.SATISFACTION:
        return f"≥{formats.NBSP}{formats.measure(objective.threshold, objective.threshold_unit)}"
    within = formats.measure(objective.good_within, objective.unit)
    return f"≥{formats.NBSP}{objective.share:g}{formats.NBSP}% within {within}"


def strip_title(ranks: list[int]) -> str:
    """PURE: the strip in words."""
    told = [
        f"{ranks.count(rank)} {LEVELS[rank][1].lower()}"
        for rank in sorted(LEVELS, reverse=True)
        if rank in ranks
    ]
    return f"Last {len(ranks)} minutes: {', '.join(told)}"


def _strips(verdicts: QuerySet[Verdict], start: datetime) -> dict[str, list[int]]:
    """objective → the worst rank of each minute since ``start``."""
    strips: dict[str, list[int]] = defaultdict(lambda: [0] * MINUTES)
    worst = Max(
        Case(
            *(When(status=status, then=Value(rank)) for status, rank in _RANKS.items()),
            default=Value(0),
            output_field=IntegerField(),
        )
    )
    minutes = verdicts.order_by().values("objective", "window_end").annotate(rank=worst)
    for objective, minute, rank in minutes.values_list("objective", "window_end", "rank"):
        index = int((minute - start).total_seconds() // 60)
        if 0 <= index < MINUTES:
            strips[objective][index] = max(strips[objective][index], rank)
    return strips


def _row(objective: Objective, verdict: Verdict | None, strip: list[int]) -> Row:
    rank = _RANKS[Verdict.Status(verdict.status)] if verdict else 0
    level, word = LEVELS[rank]
    current, detail = current_and_detail(objective, verdict)
    return Row(
        what=(objective.name or objective.kind).replace("_", " ").capitalize(),
        level=level,
        word=word,
        current=current,
        promise=promise(objective),
        detail=detail,
        client=verdict.client.name if verdict else "",
        bars=[Bar(LEVELS[rank][0], index * 4) for index, rank in enumerate(strip)],
        bars_title=strip_title(strip),
    )
