"""What each API key sent, by the days of the current time zone. Reads alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from metrics.models import IntakeMinute

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Usage:
    """A key's rows today and in the last seven days."""

    today_stored: int = 0
    today_rejected: int = 0
    week_stored: int = 0
    week_rejected: int = 0


@dataclass(frozen=True)
class Day:
    """What a key sent on one day."""

    day: date
    requests: int = 0
    stored: int = 0
    rejected: int = 0


def usage(key_ids: Iterable[int], now: datetime) -> dict[int, Usage]:
    """Each key's rows today and in seven days, by the days of the current time zone."""
    today = Q(minute__gte=_midnight(now, 0))
    found = (
        IntakeMinute.objects.filter(api_key__in=list(key_ids), minute__gte=_midnight(now, 6))
        .values_list("api_key_id")
        .annotate(
            today_stored=Coalesce(Sum("stored", filter=today), 0),
            today_rejected=Coalesce(Sum("rejected", filter=today), 0),
            week_stored=Sum("stored"),
            week_rejected=Sum("rejected"),
        )
    )
    return {key_id: Usage(*figures) for key_id, *figures in found}


def days(key_id: int, now: datetime, count: int = 14) -> list[Day]:
    """What a key sent on each of the last days of the current time zone, oldest first."""
    found = (
        IntakeMinute.objects.filter(api_key=key_id, minute__gte=_midnight(now, count - 1))
        .annotate(on=TruncDate("minute"))
        .values_list("on")
        .annotate(Sum("requests"), Sum("stored"), Sum("rejected"))
    )
    by_day = {on: Day(on, *figures) for on, *figures in found}
    today = timezone.localdate(now)
    dates = [today - DAY * back for back in reversed(range(count))]
    return [by_day.get(one, Day(one)) for one in dates]


def _midnight(now: datetime, days_back: int) -> datetime:
    return timezone.make_aware(datetime.combine(timezone.localdate(now) - DAY * days_back, time()))
