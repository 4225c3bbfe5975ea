"""How ingestion is doing: rates, lag, refusals, silent services, backlog. Reads alone.

A person sees the figures of keys whose client they may see. What came with no known
key, or with one that may report for every client, is for those who see all clients.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import (
    Aggregate,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    Max,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from accounts import visibility
from accounts.models import User
from metrics.models import Emitter, IntakeMinute, IntakeRejection

Viewer = User | AnonymousUser
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTES_SHOWN = 60
COUNTS = ("requests", "stored", "rejected")
# Marks are counted up to here: a backlog of millions is not worth reading to the end.
MOST_MARKS = 100_000


@dataclass(frozen=True)
class Only:
    """A narrower look: one key's figures, one face's."""

    key_id: int | None = None
    face: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The look-ups for a queryset's filter."""
        wanted = {"api_key_id": self.key_id, "face": self.face}
        return {name: value for name, value in wanted.items() if value}


EVERYTHING = Only()


@dataclass(frozen=True)
class Amount:
    """What came in during ``seconds``."""

    requests: int
    stored: int
    rejected: int
    seconds: float

    @property
    def rows(self) -> int:
        """Rows that were stored or refused."""
        return self.stored + self.rejected


@dataclass(frozen=True)
class Traffic:
    """One face's traffic (or all faces'), and the last hour's lag in seconds."""

    face: str
    now: Amount
    hour: Amount
    day: Amount
    lag_max: float | None
    lag_typical: float | None


@dataclass(frozen=True)
class Reason:
    """What one key was refused through one face, for one reason."""

    reason: str
    face: str
    key_id: int | None
    key_name: str
    count: int
    last_at: datetime
    example: str


@dataclass(frozen=True)
class Backlog:
    """Minutes that wait for their roll-up."""

    minutes: int
    oldest: datetime | None
    metrics: list[tuple[str, int]]  # the longest queues
    capped: bool  # more marks than were counted


class _Median(Aggregate):
    """The middle one."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def minutes_for(user: Viewer, only: Only = EVERYTHING) -> QuerySet[IntakeMinute]:
    """The minutes of ingestion that this person may see."""
    return visibility.limit(IntakeMinute.objects.filter(**only.fields), user, "api_key__client")


def rejections_for(user: Viewer, only: Only = EVERYTHING) -> QuerySet[IntakeRejection]:
    """The reasons of refusal that this person may see."""
    return visibility.limit(IntakeRejection.objects.filter(**only.fields), user, "api_key__client")


def window(now: datetime) -> list[datetime]:
    """PURE: the starts of the last hour's minutes; the last one is under way."""
    last = now.replace(second=0, microsecond=0)
    return [last - MINUTE * back for back in reversed(range(MINUTES_SHOWN))]


def traffic(minutes: QuerySet[IntakeMinute], now: datetime) -> list[Traffic]:
    """Each face's traffic in the last day; *now* is the minute under way and the one before."""
    starts = window(now)
    since = {"now": starts[-2], "hour": starts[0], "day": starts[-1] - DAY + MINUTE}
    sums = {
        f"{span}_{what}": Coalesce(Sum(what, filter=Q(minute__gte=start)), 0)
        for span, start in since.items()
        for what in COUNTS
    }
    recent = Q(minute__gte=since["hour"])
    found = (
        minutes.filter(minute__gte=since["day"])
        .order_by("face")
        .values("face")
        .annotate(
            **sums,
            lag_max=Max("lag_max_seconds", filter=recent),
            lag_typical=_Median("lag_max_seconds", filter=recent),
        )
    )

    def amount(one: Any, span: str) -> Amount:
        requests, stored, rejected = (one[f"{span}_{what}"] for what in COUNTS)
        return Amount(requests, stored, rejected, (now - since[span]).total_seconds())

    return [
        Traffic(
            face=one["face"],
            now=amount(one, "now"),
            hour=amount(one, "hour"),
            day=amount(one, "day"),
            lag_max=one["lag_max"],
            lag_typical=one["lag_typical"],
        )
        for one in found
    ]


def series(minutes: QuerySet[IntakeMinute], now: datetime) -> list[tuple[int, int]]:
    """(stored, refused) rows in each minute of ``window(now)``."""
    starts = window(now)
    found = (
        minutes.filter(minute__gte=starts[0])
        .order_by()
        .values_list("minute")
        .annotate(Sum("stored"), Sum("rejected"))
    )
    by_minute = {minute: (stored, rejected) for minute, stored, rejected in found}
    return [by_minute.get(start, (0, 0)) for start in starts]


def reasons(rejections: QuerySet[IntakeRejection], since: date, most: int) -> list[Reason]:
    """The most frequent refusals since that day (UTC), each with its latest example."""
    found = (
        rejections.filter(day__gte=since)
        .values("reason", "face", "api_key_id", "api_key__name", "api_key__prefix")
        .annotate(
            total=Sum("count"),
            last=Max("last_at"),
            examples=ArrayAgg("example", order_by="-last_at"),
        )
        .order_by("-total", "-last")[:most]
    )
    return [
        Reason(
            one["reason"],
            one["face"],
            one["api_key_id"],
            f"{one['api_key__name']} ({one['api_key__prefix']}…)" if one["api_key_id"] else "",
            one["total"],
            one["last"],
            one["examples"][0],
        )
        for one in found
    ]


def over_limit(rejections: QuerySet[IntakeRejection], since: date) -> tuple[int, int]:
    """How many requests were refused with 429 since that day (UTC), and of how many keys."""
    found = rejections.filter(day__gte=since, reason__startswith="429 ").aggregate(
        total=Coalesce(Sum("count"), 0), keys=Count("api_key", distinct=True)
    )
    return found["total"], found["keys"]


def with_silence(emitters: QuerySet[Emitter]) -> QuerySet[Emitter]:
    """Each with ``silent_at``: when it counts as silent unless it reports before."""
    after = Coalesce("silent_after_seconds", Value(settings.SILENT_AFTER_SECONDS))
    span: Func = Func(
        after, template="make_interval(secs => %(expressions)s)", output_field=DurationField()
    )
    silent_at = ExpressionWrapper(F("last_seen_at") + span, output_field=DateTimeField())
    return emitters.annotate(silent_at=silent_at)


def silent(emitters: QuerySet[Emitter], now: datetime) -> QuerySet[Emitter]:
    """Those without data for longer than they may be, unless that is expected."""
    overdue: dict[str, Any] = {"silent_at__lt": now}
    return with_silence(emitters).filter(muted=False, **overdue)


_BACKLOG = """
SELECT metric_name, count(*), min(minute), (SELECT count(*) FROM marks)
FROM (SELECT DISTINCT client_id, metric_name, minute FROM marks) m
GROUP BY metric_name ORDER BY 2 DESC, 1
"""
_MARKS = "SELECT client_id, metric_name, minute FROM pending_minutes {} LIMIT %s"


def backlog(user: Viewer, most: int = 5) -> Backlog:
    """What waits for the roll-up of the clients this person may see."""
    where, args = "", [MOST_MARKS + 1]
    if not visibility.sees_all(user):
        ids: Any = list(visibility.visible_clients(user).order_by().values_list("pk", flat=True))
        where, args = "WHERE client_id = ANY(%s::int[])", [ids, *args]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH marks AS ({_MARKS.format(where)}) {_BACKLOG}", args)
        found = cursor.fetchall()
    return Backlog(
        minutes=sum(count for _, count, _, _ in found),
        oldest=min((oldest for _, _, oldest, _ in found), default=None),
        metrics=[(name, count) for name, count, _, _ in found[:most]],
        capped=any(marks > MOST_MARKS for *_, marks in found),
    )
