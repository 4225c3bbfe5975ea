"""Parameters that several addresses have."""

import re
from datetime import datetime, timedelta
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.models import Client
from slas import periods
from slas.periods import Period

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=30)
CALENDAR = ("month", "week", "quarter")
MONTH = timedelta(days=30)


def length(text: str) -> timedelta | None:
    """5m, 6h or 30d as a duration; None for what is none."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    return int(match[1]) * _UNITS[match[2]] if match else None


class PeriodField(serializers.CharField):
    """A rolling period of 5m to 30d, a calendar one that runs, or one by its name."""

    def __init__(self, **more: Any) -> None:
        text = (
            "Rolling, from 5m to 30d; month, week or quarter for the running one in the client's "
            "zone; or one by name: 2026-03, 2026-W10, 2026-Q1."
        )
        super().__init__(required=False, default="30d", max_length=20, help_text=text, **more)

    def to_internal_value(self, data: Any) -> str:
        """Text that ``period`` can read; ValidationError for another."""
        text = super().to_internal_value(data)
        rolling = length(text)
        if rolling is not None and not SHORTEST <= rolling <= LONGEST:
            raise ValidationError("A rolling period is from 5m to 30d.")
        if rolling is None and text not in CALENDAR:
            try:
                periods.named(text, "UTC")
            except ValueError as error:
                raise ValidationError(f"{error} Or a rolling one, 5m to 30d.") from error
        return text


def period(text: str, now: datetime, zone: str) -> Period:
    """What a PeriodField named, for a client in this zone."""
    if rolling := length(text):
        return periods.rolling(now, rolling)
    if text in CALENDAR:
        return periods.KINDS[text](now, zone)
    return periods.named(text, zone)


def clients(code: str | None, own: int | None) -> list[Client]:
    """The clients to look at, in order of their ids: none where the key may not see the one."""
    found = Client.objects.order_by("pk")
    if own is not None:
        found = found.filter(pk=own)
    if code is not None:
        found = found.filter(code=code)
    return list(found)
