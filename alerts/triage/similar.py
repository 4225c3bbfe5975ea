"""Past alerts like this one, and what solved them: the nearest kin first, then the newest."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from accounts import visibility
from accounts.models import User
from alerts.models import Alert, AlertEvent, Resolution, Status

SHOWN, READ, RECENT = 5, 50, 500
FAR = 3


@dataclass(frozen=True)
class Past:
    """One alert that is over."""

    alert: Alert
    kinship: str
    lasted: timedelta
    solved_by: str  # Empty: nobody said what it was.
    note: str


@dataclass(frozen=True)
class History:
    """What the past says; ``told`` are resolutions with their number, most frequent first."""

    past: list[Past]
    count: int
    told: list[tuple[str, int]]
    median: timedelta | None

    @property
    def more(self) -> int:
        """How many were counted but are not listed."""
        return self.count - len(self.past)


def of(alert: Alert, user: User | AnonymousUser) -> History:
    """The past of an alert, of clients that the person may see, in three bounded queries.

    The same fingerprint comes before the same objective of another client, that
    before the same model, that before the same component and type. Of those that are
    not the same alert the newest RECENT are looked at.
    """
    kin = Alert.objects.filter(
        component=alert.component, alert_type=alert.alert_type, status=Status.RESOLVED
    )
    found = visibility.limit(kin.exclude(pk=alert.pk), user).order_by("-resolved_at", "-pk")
    same = found.filter(fingerprint=alert.fingerprint).values_list("pk", flat=True)[:READ]
    others = found.exclude(fingerprint=alert.fingerprint)
    near = dict.fromkeys(same, 0)
    for pk, objective, model in others.values_list("pk", "objective", "model")[:RECENT]:
        near[pk] = _nearness(alert, objective, model)
    # What stands further away says little where there is nearer kin.
    if any(nearness < FAR for nearness in near.values()):
        near = {pk: nearness for pk, nearness in near.items() if nearness < FAR}
    chosen = sorted(near, key=near.__getitem__)[:READ]
    rows = _told_of(chosen)
    past = [_past(rows[pk], near[pk]) for pk in chosen]
    return History(past[:SHOWN], len(past), _told(past), _median(past))


def _nearness(alert: Alert, objective: str, model: str) -> int:
    if objective and objective == alert.objective:
        return 1
    return 2 if model and model == alert.model else FAR


def _told_of(chosen: list[int]) -> dict[int, Alert]:
    """The alerts with what was said when they were resolved."""
    last_word = AlertEvent.objects.filter(alert=OuterRef("pk"), kind=AlertEvent.Kind.RESOLVED)
    noted = Alert.objects.annotate(
        last_word=Coalesce(
            Subquery(last_word.order_by("-id").values("note")[:1]),
            Value(""),
            output_field=TextField(),
        )
    )
    rows = noted.filter(pk__in=chosen).select_related("client", "resolved_by").defer("evidence")
    return {row.pk: row for row in rows}


def _past(alert: Alert, nearness: int) -> Past:
    kinships = ("Same alert", "Same objective", "Same model", "Same component and type")
    ended = alert.resolved_at or alert.created_at
    return Past(
        alert=alert,
        kinship=kinships[nearness],
        lasted=ended - alert.created_at,
        solved_by=_solved_by(alert),
        note=alert.last_word,  # type: ignore[attr-defined]
    )


def _solved_by(alert: Alert) -> str:
    if alert.resolution:
        return Resolution(alert.resolution).label
    # From before there were codes: the portal closed it because it had recovered.
    return "" if alert.resolved_by_id else Resolution.RECOVERED.label


def _told(past: Iterable[Past]) -> list[tuple[str, int]]:
    return Counter(one.solved_by for one in past if one.solved_by).most_common()


def _median(past: list[Past]) -> timedelta | None:
    if not past:
        return None
    return timedelta(seconds=median(one.lasted.total_seconds() for one in past))
