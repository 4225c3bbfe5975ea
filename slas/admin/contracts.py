"""Admin of clients' own contracts."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin import ScopedAdmin
from accounts.filters import ClientFilter
from accounts.models import User
from metrics import formats
from slas import contracts, names, terms, versions
from slas.admin.editing import stamp
from slas.admin.slos import VersionInline
from slas.models import Contract, SloVersion

_SHORT = {
    "target_response_time": ("target", "ms"),
    "latency_share": ("within target", "%"),
    "max_response_time": ("maximum", "ms"),
    "availability": ("availability", "%"),
    "user_satisfaction_target": ("satisfaction", "of 5"),
}


class LinesField(forms.CharField):
    """A list that people write one entry a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def __init__(
        self,
        parse: Callable[[str], terms.Terms],
        write: Callable[[terms.Terms], str],
        **kwargs: Any,
    ) -> None:
        super().__init__(required=False, max_length=2000, strip=False, **kwargs)
        self._parse, self._write = parse, write

    def prepare_value(self, value: Any) -> Any:
        """The stored list as lines; what was typed stays as it was."""
        return self._write(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The lines as a list."""
        text = super().clean(value)
        try:
            return self._parse(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """By what it says, not by how it is spaced."""
        try:
            return self._parse(data or "") != (initial or [])
        except ValueError:
            return True


class ContractForm(forms.ModelForm):
    """A contract's terms, and why they change."""

    credit_terms = LinesField(
        terms.parse_credits,
        terms.credits_text,
        help_text="What a month's availability below a bound gives back, in percent of the fee. "
        "One step a line, the highest bound first: < 99 % → 10 %",
    )
    business_hours = LinesField(
        terms.parse_hours,
        terms.hours_text,
        help_text="Only requests in these hours of the client's time zone count. One span a "
        "line: Mon–Fri 08:00–18:00. Empty: around the clock.",
    )
    reason = forms.CharField(
        label="Reason for the change",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Kept with the new versions of the objectives. Needed when terms change.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stamp = stamp(self.instance) if self.instance.pk else ""
        self.fields["seen"].initial = self._stamp
        if self.instance.sla_id is not None:
            for name in {*_SHORT} & {*self.fields}:
                default = getattr(self.instance.sla, name)
                text = "none promised" if default is None else f"{default:,g}"
                self.fields[name].help_text = f"Empty: as in the SLA ({text})."

    def clean(self) -> dict[str, Any] | None:
        """Ask why, once there is something to change."""
        found = super().clean()
        if self.cleaned_data.get("seen") and self.cleaned_data["seen"] != self._stamp:
            text = "Someone else changed this contract after you opened it. Open it again."
            self.add_error(None, text)
        changed = set(self.changed_data) - {"reason", "seen", "reference", "business_impact"}
        if self.instance.pk and changed and not self.cleaned_data.get("reason", "").strip():
            self.add_error("reason", "Say why: the client's terms change.")
        return found

    def _post_clean(self) -> None:
        """With the instance as the form would save it."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors or not self.instance.pk:
            return
        before = Contract.objects.select_related("client").get(pk=self.instance.pk)
        try:
            contracts.check_days(before, self.instance, timezone.now())
        except ValidationError as error:
            self.add_error(None, error)


class ContractVersionInline(VersionInline):
    """What the contract promised when."""

    fields = ["objective", "promised", "valid_from", "valid_until", "reason", "changed_by"]
    readonly_fields = fields
    ordering = ["slo__base", "-number"]
    verbose_name_plural = "What it promised when"
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[SloVersion]:
        """With the objectives' names."""
        return super().get_queryset(request).select_related("slo", "changed_by")

    @display(description="Objective")
    def objective(self, version: SloVersion) -> str:
        """The objective in words."""
        return names.in_words(version.slo.base)


@admin.register(Contract)
class ContractAdmin(ScopedAdmin):
    """What single clients were promised otherwise than by the SLAs."""

    form = ContractForm
    list_display = ["sla", "client", "differs", "credited", "days", "state"]
    list_filter = [ClientFilter, "sla", "withdrawn"]
    list_select_related = ["client", "sla"]
    search_fields = ["reference", "client__name", "client__code", "sla__code"]
    inlines = [ContractVersionInline]
    fieldsets = [
        (None, {"fields": ["client", "sla", "reference"]}),
        ("When", {"fields": ["valid_from", "valid_until", "withdrawn"]}),
        (
            "What the client was promised",
            {
                "fields": [*_SHORT, "business_hours"],
                "description": "Empty numbers are as in the SLA, also when the SLA changes.",
            },
        ),
        (
            "Internal objectives",
            {"fields": ["internal_latency_share", "internal_availability"]},
        ),
        ("Credits", {"fields": ["credit_terms", "monthly_fee", "currency"]}),
        ("In words", {"fields": ["business_impact", "reason", "seen"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Another client or SLA is another contract."""
        return [] if obj is None else ["client", "sla"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new contract has nothing to withdraw; who only looks gives no reason."""
        left = set() if obj is not None else {"withdrawn"}
        if obj is not None and not self.has_change_permission(request, obj):
            left |= {"reason", "seen"}
        return [
            (title, {**more, "fields": [name for name in more["fields"] if name not in left]})
            for title, more in super().get_fieldsets(request, obj)
        ]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """A new contract has promised nothing yet."""
        return self.inlines if obj is not None else []

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Locked while it is saved: of two edits at once the second sees the first."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST" and connection.in_atomic_block:
            return Contract.objects.select_for_update().get(pk=found.pk)
        return found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and begin the new versions in the same transaction."""
        now = timezone.now()
        # What others left behind is not to get this reason.
        versions.sync(now)
        super().save_model(request, obj, form, change)
        reason = form.cleaned_data.get("reason", "").strip()
        by = request.user if isinstance(request.user, User) else None
        versions.sync(now, reason=reason or versions.FIRST, by=by)

    @display(description="Own terms")
    def differs(self, contract: Contract) -> str:
        """The contract's own numbers, each with the SLA's."""
        found = []
        for name, own, default in contracts.differences(contract):
            title, unit = _SHORT[name]
            instead = "none" if default is None else f"{default:,g}"
            found.append(f"{title} {own:,g}{formats.NBSP}{unit} (SLA: {instead})")
        if contract.business_hours:
            found.append("business hours")
        return "; ".join(found) or "–"

    @display(description="Credits")
    def credited(self, contract: Contract) -> str:
        """The credit terms in one line."""
        return terms.credits_text(contract.credit_terms).replace("\n", ", ") or "–"

    @display(description="Days", ordering="valid_from")
    def days(self, contract: Contract) -> str:
        """First and last day."""
        last = "" if contract.valid_until is None else f" {contract.valid_until}"
        return f"{contract.valid_from} –{last}"

    @display(
        description="State",
        label={"In force": "success", "Not begun": "info", "Ended": "", "Withdrawn": "warning"},
    )
    def state(self, contract: Contract) -> str:
        """Whether it holds today."""
        if contract.withdrawn:
            return "Withdrawn"
        start, end = contracts.span(contract)
        now = timezone.now()
        if now < start:
            return "Not begun"
        return "Ended" if end is not None and end <= now else "In force"
