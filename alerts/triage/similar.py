"""Past alerts like this one, and what solved them: the nearest kin first, then the newest."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, IntegerField, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce

from accounts import visibility
from accounts.models import User
from alerts.models import Alert, AlertEvent, Resolution, Status

SHOWN, READ = 5, 50


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
    """The past of an alert, of clients that the person may see, in one query.

    The same fingerprint comes before the same objective of another client, that
    before the same model, that before the same component and type. At most READ
    are looked at.
    """
    kin = Q(component=alert.component, alert_type=alert.alert_type)
    found = visibility.limit(
        Alert.objects.filter(kin, status=Status.RESOLVED).exclude(pk=alert.pk), user
    )
    nearness = Case(
        When(fingerprint=alert.fingerprint, then=Value(0)),
        *([When(objective=alert.objective, then=Value(1))] if alert.objective else []),
        *([When(model=alert.model, then=Value(2))] if alert.model else []),
        default=Value(3),
        output_field=IntegerField(),
    )
    last_word = AlertEvent.objects.filter(alert=OuterRef("pk"), kind=AlertEvent.Kind.RESOLVED)
    rows = list(
        found.annotate(
            nearness=nearness,
            last_word=Coalesce(
                Subquery(last_word.order_by("-id").values("note")[:1]),
                Value(""),
                output_field=TextField(),
            ),
        )
        .select_related("client", "resolved_by")
        .order_by("nearness", "-resolved_at")[:READ]
    )
    # Rows that stand further away say little where there are near ones.
    nearest = [row for row in rows if row.nearness < 3] or rows
    past = [_past(row) for row in nearest]
    return History(past[:SHOWN], len(past), _told(past), _median(past))


def _past(alert: Alert) -> Past:
    kinships = ("Same alert", "Same objective", "Same model", "Same component and type")
    ended = alert.resolved_at or alert.created_at
    return Past(
        alert=alert,
        kinship=kinships[alert.nearness],  # type: ignore[attr-defined]
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
