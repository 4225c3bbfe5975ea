"""Admin of what came in: minutes, reasons of refusal, reporting services, repeats."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import Truncator
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin, ScopedAdmin
from accounts.filters import ClientFilter
from metrics import formats, intake_health
from metrics.admin import intake_page
from metrics.admin.rows import ComponentFilter, MinuteSpanFilter
from metrics.ingest.service import FACES
from metrics.models import Emitter, IdempotencyKey, IntakeMinute, IntakeRejection

LEAST_SILENT_SECONDS = 60


class FaceFilter(admin.SimpleListFilter):
    """Ways in from their list: DISTINCT over minutes would read them all."""

    title = "way in"
    parameter_name = "face"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every face."""
        return [(name, name) for name in FACES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """What came through it."""
        return queryset.filter(face=self.value()) if self.value() else queryset


class Counted(ReadOnlyAdmin):
    """What was counted by key and face."""

    client_path = "api_key__client"
    show_full_result_count = False
    list_select_related = ["api_key"]

    @display(description="API key", ordering="api_key__name")
    def sender(self, counted: Any) -> str:
        """Who sent it."""
        return str(counted.api_key or "No known key")

    @display(description="Way in", ordering="face")
    def way_in(self, counted: Any) -> str:
        """Through which face."""
        return str(counted.face)


class DayFilter(admin.SimpleListFilter):
    """How many days to look back; refusals are counted by the UTC day."""

    title = "day"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The spans on offer; without one, everything kept."""
        return [("1", "Today (UTC)"), ("7", "Last 7 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Refusals of those days."""
        value = self.value()
        if value not in {"1", "7"}:
            return queryset
        return queryset.filter(day__gt=timezone.now().date() - timedelta(days=int(value)))


class SilenceFilter(admin.SimpleListFilter):
    """Who has gone quiet."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """As the list shows it."""
        return [("silent", "Silent"), ("reporting", "Reporting"), ("muted", "Muted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Services in the state."""
        now = timezone.now()
        if self.value() == "silent":
            return queryset.filter(muted=False, silent_at__lt=now)
        if self.value() == "reporting":
            return queryset.filter(muted=False, silent_at__gte=now)
        return queryset.filter(muted=True) if self.value() == "muted" else queryset


@admin.register(IntakeMinute)
class IntakeMinuteAdmin(Counted):
    """What each key sent, minute by minute; and the page of ingestion's health."""

    paginator = InfinitePaginator
    list_per_page = 60
    ordering = ["-minute", "face"]
    list_display = ["minute", "sender", "way_in", "requests", "stored", "rejected", "lag"]
    list_filter = [MinuteSpanFilter, FaceFilter]
    search_fields = ["=api_key__prefix", "api_key__name"]
    search_help_text = "A key's name or prefix."

    def get_urls(self) -> list[URLPattern]:
        """The page of ingestion's health, before the admin's own addresses."""
        view = self.admin_site.admin_view(intake_page.view)
        return [path("health/", view, name="metrics_intake_health"), *super().get_urls()]

    @display(description="Largest lag", ordering="lag_max_seconds")
    def lag(self, minute: IntakeMinute) -> str:
        """From a row's time to its arrival."""
        return formats.measure(minute.lag_max_seconds, "s")


@admin.register(IntakeRejection)
class IntakeRejectionAdmin(Counted):
    """What was refused or left out, with the latest example."""

    list_per_page = 50
    ordering = ["-day", "-count"]
    list_display = ["day", "reason", "sender", "way_in", "count", "last_at", "latest"]
    list_filter = [DayFilter, FaceFilter]
    search_fields = ["reason", "=api_key__prefix", "api_key__name"]
    search_help_text = "A reason, or a key's name or prefix."

    @display(description="Example")
    def latest(self, rejection: IntakeRejection) -> str:
        """The latest one, in short."""
        return Truncator(rejection.example).chars(120) or "–"


class EmitterForm(forms.ModelForm):
    """Refuses a time so short that every service would count as silent."""

    class Meta:
        model = Emitter
        fields = ["silent_after_seconds", "muted"]

    def clean_silent_after_seconds(self) -> int | None:
        """Empty for the default, or a minute at least."""
        seconds: int | None = self.cleaned_data["silent_after_seconds"]
        if seconds is not None and seconds < LEAST_SILENT_SECONDS:
            fix = f"Write at least {LEAST_SILENT_SECONDS}, or nothing for the default."
            raise ValidationError(fix, code="min_value")
        return seconds


@admin.register(Emitter)
class EmitterAdmin(ScopedAdmin):
    """Services that have reported, and which of them have gone quiet."""

    form = EmitterForm
    list_per_page = 50
    ordering = ["service_name", "component"]
    list_display = ["service_name", "state", "component", "client", "last_seen_at", "no_data_for"]
    list_filter = [SilenceFilter, ClientFilter, ComponentFilter]
    list_select_related = ["client"]
    search_fields = ["service_name", "component"]
    fields = [
        "service_name",
        "component",
        "client",
        "first_seen_at",
        "last_seen_at",
        "silent_after_seconds",
        "muted",
    ]
    readonly_fields = ["service_name", "component", "client", "first_seen_at", "last_seen_at"]
    actions = ["mute", "unmute"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Emitter]:
        """Services with the time from which they count as silent."""
        return intake_health.with_silence(super().get_queryset(request))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """A service is known once it has reported."""
        return False

    def save_model(self, request: HttpRequest, obj: Emitter, form: Any, change: bool) -> None:  # noqa: ARG002
        """Save what the person changed alone: the service may report meanwhile."""
        obj.save(update_fields=form.changed_data)

    @display(
        description="State",
        label={"Reporting": "success", "Silent": "danger", "Muted": "info"},
    )
    def state(self, emitter: Any) -> str:
        """Whether it reports; a muted one's silence is expected."""
        if emitter.muted:
            return "Muted"
        return "Silent" if emitter.silent_at < timezone.now() else "Reporting"

    @display(description="No data for", ordering="-last_seen_at")
    def no_data_for(self, emitter: Emitter) -> str:
        """Time since it reported."""
        return formats.age(timezone.now() - emitter.last_seen_at)

    @admin.action(description="Mute: their silence is expected", permissions=["change"])
    def mute(self, request: HttpRequest, queryset: QuerySet[Emitter]) -> None:
        """Their silence is no news from now on."""
        count = queryset.update(muted=True)
        self.message_user(request, f"{count} services muted.", messages.SUCCESS)

    @admin.action(description="Unmute", permissions=["change"])
    def unmute(self, request: HttpRequest, queryset: QuerySet[Emitter]) -> None:
        """Their silence is news again."""
        count = queryset.update(muted=False)
        self.message_user(request, f"{count} services unmuted.", messages.SUCCESS)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(Counted):
    """Requests that are remembered so that a repeat stores nothing; without their answers."""

    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ["-created_at"]
    list_display = ["created_at", "idempotency_key", "sender", "way_in", "status"]
    list_filter = [FaceFilter]
    search_fields = ["=key", "=api_key__prefix"]
    search_help_text = "An exact Idempotency-Key or a key's prefix."
    fields = ["idempotency_key", "api_key", "face", "status", "created_at"]

    @display(description="Idempotency-Key", ordering="key")
    def idempotency_key(self, one: IdempotencyKey) -> str:
        """As the service sent it."""
        return one.key

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdempotencyKey]:
        """Without the stored bodies, which may be large."""
        return super().get_queryset(request).defer("answer", "body_hash")
