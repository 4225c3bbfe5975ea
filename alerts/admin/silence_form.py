"""The form by which a silence is made."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from accounts.models import validate_time_zone
from alerts.admin.matchers import MatchersField
from alerts.models import Silence

USUAL = timedelta(hours=2)
LONGEST = timedelta(days=366)


class SilenceForm(forms.ModelForm):
    """What is silenced, until when, and why. Times are on the clock of the zone, or one's own."""

    matchers = MatchersField(label="Alerts for which")

    class Meta:
        model = Silence
        fields = [
            "matchers",
            "reason",
            "starts_at",
            "ends_at",
            "rrule",
            "duration_minutes",
            "zone",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "starts_at" not in self.fields:  # a page to read
            return
        now = timezone.now().replace(second=0, microsecond=0)
        self.fields["starts_at"].initial = now
        self.fields["ends_at"].initial = now + USUAL

    def clean_rrule(self) -> str:
        """The rule as iCalendar writes it."""
        rule: str = self.cleaned_data["rrule"]
        return rule.strip().upper().removeprefix("RRULE:").rstrip(";")

    def clean_zone(self) -> str:
        """A zone that there is: the model looks only after the times were read by it."""
        zone: str = self.cleaned_data["zone"]
        if zone:
            validate_time_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        """Ends in the future, within a year; repeated, with minutes."""
        data = super().clean() or self.cleaned_data
        if data.get("rrule") and "zone" not in self.errors and not data.get("zone"):
            data["zone"] = timezone.get_current_timezone_name()
        for name in ("starts_at", "ends_at"):
            if (at := data.get(name)) is not None:
                data[name] = _moment(at, data.get("zone", ""))
        self._clean_end(data)
        if data.get("rrule") and not data.get("duration_minutes"):
            if "duration_minutes" not in self.errors:
                self.add_error("duration_minutes", "How long does it last each time? Give minutes.")
        elif "rrule" in data and not data["rrule"]:
            if data.get("duration_minutes"):
                text = "Only a repeated silence has this: leave it empty, or give a rule."
                self.add_error("duration_minutes", text)
            data["zone"] = ""
        return data

    def _clean_end(self, data: dict[str, Any]) -> None:
        start, end = data.get("starts_at"), data.get("ends_at")
        if start is None or end is None:
            return
        if end <= start:
            self.add_error("ends_at", "This must come after the start.")
        elif end <= timezone.now():
            self.add_error("ends_at", "This is over already: give a time to come.")
        elif end - start > LONGEST:
            text = "At most a year: what is never to be told needs another promise, not a silence."
            self.add_error("ends_at", text)


def _moment(at: datetime, zone: str) -> datetime:
    if not zone:
        return at
    return timezone.localtime(at).replace(tzinfo=ZoneInfo(zone))
