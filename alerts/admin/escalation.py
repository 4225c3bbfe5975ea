"""Admin of escalation policies, and of the runs that follow them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts import visibility
from accounts.admin import GlobalAdmin, ReadOnlyAdmin
from accounts.models import User
from alerts import matching
from alerts.admin.matcher_lines import MatchersField
from alerts.models import EscalationPolicy, EscalationRun, EscalationStep


class PolicyForm(forms.ModelForm):
    """Matchers as people write them."""

    matchers = MatchersField()

    class Meta:
        model = EscalationPolicy
        fields = "__all__"  # noqa: DJ007  # every field is set here


class StepInline(TabularInline):
    """The steps, in their order."""

    model = EscalationStep
    fields = ["place", "after_minutes", "whom", "schedule", "user", "team"]
    extra = 1
    ordering_field = "place"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only people who can be told."""
        if db_field.related_model is User:
            kwargs["queryset"] = User.objects.filter(is_active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(GlobalAdmin):
    """Whom to tell when nobody answers. Its matchers may name any client: for who sees them all."""

    form = PolicyForm
    list_display = ["name", "enabled", "rank", "about", "least_severity", "goes"]
    list_filter = ["enabled", "least_severity"]
    search_fields = ["name"]
    inlines = [StepInline]
    fieldsets = [
        (None, {"fields": ["name", "enabled", "rank"]}),
        ("Which alerts", {"fields": ["matchers", "least_severity"]}),
        ("How often", {"fields": ["repeats"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        """With what the list shows of their steps."""
        queryset = super().get_queryset(request)
        return queryset.prefetch_related("steps__schedule", "steps__user", "steps__team")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for changing."""
        return super().has_view_permission(request, obj) and visibility.sees_all(request.user)

    @display(description="Alerts")
    def about(self, policy: EscalationPolicy) -> str:
        """Which alerts it is for."""
        return matching.in_words(policy.matchers)

    @display(description="Steps")
    def goes(self, policy: EscalationPolicy) -> str:
        """After how many minutes whom, how often."""
        steps = [
            f"{step.after_minutes} min: {step.schedule or step.team or step.user}"
            for step in policy.steps.all()
        ]
        again = f" – {policy.repeats} × more" if policy.repeats else ""
        return (" → ".join(steps) + again) if steps else "None: it tells nobody"


@admin.register(EscalationRun)
class EscalationRunAdmin(ReadOnlyAdmin):
    """What was, is and will be told, run by run."""

    client_path = "alert__client"
    list_display = ["of_alert", "policy", "started_at", "taken", "due_at", "ended_at", "ended_why"]
    list_filter = ["policy", ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["alert", "policy"]
    search_fields = ["alert__objective", "policy__name"]
    list_per_page = 50

    @display(description="Alert", ordering="alert")
    def of_alert(self, run: EscalationRun) -> str:
        """Which alert."""
        return str(run.alert)
