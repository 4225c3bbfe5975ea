"""The form by which an exclusion is requested."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import validate_time_zone
from metrics.models import Component
from slas import names
from slas.models import Exclusion, Slo
from slas.models.exclusions import MOST_MINUTES

EARLIEST_YEAR = 2000


class ExclusionForm(forms.ModelForm):
    """A request. The times are on the clock of the chosen zone, or of the person's own."""

    component = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    objective = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Exclusion
        fields = [
            "client",
            "component",
            "objective",
            "category",
            "reason",
            "zone",
            "starts_at",
            "ends_at",
            "rrule",
            "duration_minutes",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "zone" not in self.fields:  # a page to read
            return
        components = Component.objects.values_list("code", "name")
        self.fields["component"].choices = [("", "Every component"), *components]  # type: ignore[attr-defined]
        bases = Slo.objects.order_by("base").values_list("base", flat=True).distinct()
        chosen = [(base, names.in_words(base)) for base in bases]
        self.fields["objective"].choices = [("", "Every objective"), *chosen]  # type: ignore[attr-defined]
        self.fields["zone"].help_text = (
            "IANA name, e.g. Europe/Berlin: whose clock these times are on. "
            f"Empty: {timezone.get_current_timezone_name()}, yours."
        )

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
        """Once needs an end; repeated, a length."""
        data = super().clean() or self.cleaned_data
        for name in ("starts_at", "ends_at"):
            if (at := data.get(name)) is not None:
                data[name] = self._moment(name, at, data.get("zone", ""))
        if data.get("rrule"):
            self._clean_repeated(data)
        elif "rrule" in data:
            self._clean_once(data)
        return data

    def _moment(self, name: str, at: datetime, zone: str) -> datetime:
        if at.second or at.microsecond:
            self.add_error(name, "This must be a whole minute: leave the seconds out.")
        if at.year < EARLIEST_YEAR:
            self.add_error(name, f"This is before {EARLIEST_YEAR}: check the year.")
        if not zone:
            return at
        return timezone.localtime(at).replace(tzinfo=ZoneInfo(zone))

    def _clean_repeated(self, data: dict[str, Any]) -> None:
        if data.get("ends_at"):
            self.add_error("ends_at", "A repeated exclusion ends by its rule: leave this empty.")
        if not data.get("duration_minutes"):
            self.add_error("duration_minutes", "How long does it last each time? Give minutes.")
        elif data["duration_minutes"] > MOST_MINUTES:
            text = (
                f"At most {MOST_MINUTES} minutes, a month; one that is not repeated may be longer."
            )
            self.add_error("duration_minutes", text)
        if "zone" not in self.errors and not data.get("zone"):
            data["zone"] = timezone.get_current_timezone_name()

    def _clean_once(self, data: dict[str, Any]) -> None:
        if data.get("duration_minutes"):
            text = "Only a repeated exclusion has this: give an end, or a rule."
            self.add_error("duration_minutes", text)
        if "zone" not in self.errors:
            data["zone"] = ""
        if "ends_at" in self.errors or "starts_at" in self.errors:
            return
        if not data.get("ends_at"):
            self.add_error("ends_at", "When does it end? Give a time, or a rule to repeat it by.")
        elif data["ends_at"] <= data["starts_at"]:
            self.add_error("ends_at", "This must come after the start.")
