"""Admin of notifications: what was told to whom, what waits, and what was given up."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from alerts.delivery import nudge, sending
from alerts.models import Channel, Notification

RESEND = "alerts.resend_notification"
State, Held = Notification.Status, Notification.Held
_BADGES: dict[str, str] = {
    State.WAITING: "low",
    State.LEASED: "low",
    State.SENT: "ok",
    State.DEAD: "critical",
    State.WITHHELD: "none",
}


class ChannelFilter(admin.SimpleListFilter):
    """One channel, from the small table."""

    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every channel."""
        return [(str(pk), name) for pk, name in Channel.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Rows of the channel."""
        value = self.value() or ""
        return queryset.filter(channel_id=int(value)) if value.isdigit() else queryset


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """The outbox. Nobody edits it; what was given up can be sent again."""

    client_path = "alert__client"
    change_form_template = "admin/alerts/notification.html"
    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_display = ["created_at", "state", "what", "for_client", "channel", "whom", "when", "said"]
    list_filter = [
        ("status", admin.ChoicesFieldListFilter),
        ("held", admin.ChoicesFieldListFilter),
        ("form", admin.ChoicesFieldListFilter),
        ChannelFilter,
    ]
    list_select_related = ["alert__client", "event", "channel", "recipient"]
    search_fields = ["alert__objective", "last_error", "recipient__username", "key"]
    actions = ["send_again"]
    fieldsets = [
        (
            None,
            {"fields": ["state", "what", "for_client", "channel", "whom", "why", "carried"]},
        ),
        (
            "Delivery",
            {
                "fields": [
                    "created_at",
                    "due_at",
                    "handed_at",
                    "attempts",
                    "response",
                    "last_error",
                    "key",
                    "lease_owner",
                    "lease_until",
                ]
            },
        ),
    ]
    readonly_fields = ["state", "what", "for_client", "whom", "carried", "key"]

    @display(description="Status", ordering="status")
    def state(self, row: Notification) -> SafeString:
        """Where it is, and why there."""
        badge = format_html(
            '<span class="aio-badge aio-badge--{}">{}</span>',
            _BADGES[row.status],
            row.get_status_display(),
        )
        if not row.held or row.status not in {State.WAITING, State.WITHHELD}:
            return badge
        why = row.get_held_display() + (f": {row.held_note}" if row.held_note else "")
        return format_html("{}<br><span class='aio-subtle'>{}</span>", badge, why)

    @display(description="What")
    def what(self, row: Notification) -> str:
        """The event, or what gathers many."""
        if row.event is None or row.alert is None:
            return row.get_form_display()
        return f"{row.event.get_kind_display()}: {row.alert}"

    @display(description="Client")
    def for_client(self, row: Notification) -> str:
        """Whose alert it is about."""
        return row.alert.client.name if row.alert else "Several"

    @display(description="To", ordering="recipient")
    def whom(self, row: Notification) -> str:
        """The person, or everybody there."""
        return str(row.recipient or "Everybody there")

    @display(description="Handed over", ordering="handed_at")
    def when(self, row: Notification) -> str:
        """How long it took since it was written, or how often it was tried."""
        if row.handed_at is not None:
            took = (row.handed_at - row.created_at).total_seconds()
            return f"after {took:.2f} s" if took < 60 else f"after {took / 60:.0f} min"
        return f"{row.attempts} tries" if row.attempts else "–"

    @display(description="Last answer")
    def said(self, row: Notification) -> str:
        """What the channel said last."""
        text = row.response if row.status == State.SENT else row.last_error
        return (text if len(text) <= 80 else f"{text[:79]}…") or "–"

    @display(description="Gathered with others")
    def carried(self, row: Notification) -> str:
        """Which notification carries it, or how many it carries."""
        if row.carrier_id is not None:
            return f"Carried by notification #{row.carrier_id}"
        return "–" if row.event_id else f"Carries {row.members.count()} events"

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Who may have dead letters tried again."""
        return request.user.has_perm(RESEND)

    @admin.action(description="Send again what was given up", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Have the selected dead letters tried from the start."""
        self._send_again(request, list(queryset.values_list("pk", flat=True)))

    def get_urls(self) -> list[URLPattern]:
        """The button's address, before the admin's own."""
        view = self.admin_site.admin_view(self.again)
        own = [path("<int:pk>/again/", view, name="alerts_notification_again")]
        return [*own, *super().get_urls()]

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one dead letter again, by POST alone."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_resend_permission(request):
            raise PermissionDenied
        if not self.get_queryset(request).filter(pk=pk).exists():
            raise Http404(f"There is no notification {pk}.")
        self._send_again(request, [pk])
        return HttpResponseRedirect(reverse("admin:alerts_notification_change", args=[pk]))

    def _send_again(self, request: HttpRequest, rows: list[int]) -> None:
        count = sending.resend(rows)
        nudge.after_commit()
        if count:
            self.message_user(request, f"{count} will be tried again now.", messages.SUCCESS)
        else:
            text = "Nothing to send again: only what was given up is."
            self.message_user(request, text, messages.WARNING)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With the button, where it does something."""
        row = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if row is not None and row.status == State.DEAD and self.has_resend_permission(request):
            extra["may_resend"] = row.pk
        return super().change_view(request, object_id, form_url, extra)
