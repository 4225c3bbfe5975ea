"""Admin of all timelines together: who did what, newest first."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from alerts.admin import badges
from alerts.models import AlertEvent


@admin.register(AlertEvent)
class AlertEventAdmin(ReadOnlyAdmin):
    """Every change of every alert; written by the portal alone."""

    client_path = "alert__client"
    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ["-at", "-id"]
    list_display = ["at", "what", "for_client", "kind", "who", "change", "note_in_short"]
    list_filter = ["kind", "to_status"]
    list_select_related = ["alert__client", "actor"]
    search_fields = ["note", "alert__objective", "actor__username"]

    @display(description="Alert")
    def what(self, event: AlertEvent) -> str:
        """The alert it belongs to."""
        return str(event.alert)

    @display(description="Client")
    def for_client(self, event: AlertEvent) -> str:
        """Whose alert it is."""
        return event.alert.client.name

    @display(description="Who", ordering="actor")
    def who(self, event: AlertEvent) -> str:
        """The person, or the portal."""
        return str(event.actor or "The portal")

    @display(description="Status")
    def change(self, event: AlertEvent) -> SafeString:
        """From → to."""
        after = badges.status(event.to_status)
        if not event.from_status or event.from_status == event.to_status:
            return after
        return format_html("{} → {}", badges.status(event.from_status), after)

    @display(description="Note")
    def note_in_short(self, event: AlertEvent) -> str:
        """The beginning of the note."""
        return event.note if len(event.note) <= 80 else f"{event.note[:79]}…"
