"""Admin of probes."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator
from unfold.decorators import display

from accounts.admin import ScopedAdmin
from metrics import formats
from metrics.admin.choices import KnownNames
from metrics.models import Probe
from metrics.probes.registry import KINDS
from metrics.units import Unit


def result(probe: Probe) -> str:
    """PURE: the last run's value with its unit, or why there is none."""
    if probe.last_outcome == Probe.Outcome.FAILED:
        return probe.last_error or "Failed"
    resources = probe.kind == Probe.Kind.SYSTEM_RESOURCES
    return formats.measure(probe.last_value, Unit.PERCENT if resources else Unit.MILLISECONDS)


class ProbeForm(forms.ModelForm):
    """Refuses a probe that could only ever fail."""

    class Meta:
        model = Probe
        fields = "__all__"  # noqa: DJ007  # what is not editable is not in the model's form
        # The model's own text has angle brackets, which the page would take for a tag.
        help_texts = {
            "target": "A URL on an allowed host; for ML inference the name of a database "
            "(X for AIOSMON_PROBE_DSN_X); empty for system resources."
        }

    def clean(self) -> dict[str, Any]:
        """Let the kind check target and payload."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for field in ("payload", "test_conditions"):
            if field not in self.errors:
                # An emptied field comes as None, which the database refuses.
                data[field] = {} if data.get(field) is None else data[field]
        kind, payload = data.get("kind"), data.get("payload", {})
        if not isinstance(payload, dict):
            raise ValidationError({"payload": "Write a JSON object."})
        if kind:
            KINDS[kind].check(data.get("target") or "", payload)
        return data


@admin.register(Probe)
class ProbeAdmin(KnownNames, ScopedAdmin):
    """What the portal measures by itself."""

    form = ProbeForm
    list_display = [
        "name",
        "kind",
        "outcome",
        "measured",
        "last_run_at",
        "interval_seconds",
        "client",
        "enabled",
    ]
    list_filter = ["kind", "enabled", "last_outcome"]
    list_select_related = ["client"]
    search_fields = ["name", "target"]
    readonly_fields = ["last_run_at", "last_outcome", "last_value", "last_error", "next_due_at"]
    actions = ["run_now"]
    fieldsets = [
        (None, {"fields": ["name", "kind", "enabled", "component", "service_name", "client"]}),
        ("What is sent", {"fields": ["target", "payload", "test_conditions"]}),
        ("When", {"fields": ["interval_seconds", "timeout_seconds"]}),
        ("When it fails", {"fields": ["alert_after", "recover_after"]}),
        (
            "Last run",
            {"fields": ["last_run_at", "last_outcome", "last_value", "last_error", "next_due_at"]},
        ),
    ]

    @display(
        description="Last run",
        ordering="last_outcome",
        label={"OK": "success", "Failed": "danger", "Not run yet": "info"},
    )
    def outcome(self, probe: Probe) -> str:
        """How the last run went."""
        return Probe.Outcome(probe.last_outcome).label

    @display(description="Measured")
    def measured(self, probe: Probe) -> str:
        """The last value, or why there is none."""
        return Truncator(result(probe)).chars(80)

    @admin.action(description="Run selected probes now", permissions=["change"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Probe]) -> None:
        """Make them due; the next dispatch, seconds away, takes them."""
        count = queryset.filter(enabled=True).update(next_due_at=timezone.now())
        self.message_user(request, f"{count} probes are due now.", messages.SUCCESS)
