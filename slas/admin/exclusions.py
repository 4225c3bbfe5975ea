"""Admin of the exclusion ledger: request one, decide on it, withdraw it."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin import ScopedAdmin
from accounts.filters import ClientFilter
from accounts.models import User
from slas import exclusions, ledger_words
from slas.admin.exclusion_form import ExclusionForm
from slas.models import Exclusion

ACTIONS = {
    "approve": exclusions.approve,
    "reject": exclusions.reject,
    "withdraw": exclusions.withdraw,
}
DONE = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}
NOTE_LENGTH = 1000
_BADGES = {"requested": "medium", "approved": "ok", "rejected": "firing", "withdrawn": "none"}


class NoteForm(forms.Form):
    """Why a person decides as they do."""

    note = forms.CharField(required=False, max_length=NOTE_LENGTH)


@admin.register(Exclusion)
class ExclusionAdmin(ScopedAdmin):
    """Requested here by one person, decided on its page by another; nobody edits it."""

    form = ExclusionForm
    shared_rows = True
    change_form_template = "admin/slas/exclusion.html"
    list_per_page = 50
    list_fullwidth = True
    list_display = ["what", "state", "for_client", "scope", "when", "asked", "decided"]
    list_filter = [
        ("status", admin.ChoicesFieldListFilter),
        ("category", admin.ChoicesFieldListFilter),
        ClientFilter,
    ]
    list_select_related = ["client", "requested_by", "decided_by"]
    search_fields = ["reason", "objective", "client__name"]
    search_help_text = "Reason, objective or client."
    fieldsets = [
        ("For what", {"fields": ["client", "component", "objective"]}),
        ("Why", {"fields": ["category", "reason"]}),
        ("When", {"fields": ["zone", "starts_at", "ends_at"]}),
        ("Repeated", {"fields": ["rrule", "duration_minutes"]}),
    ]

    @display(description="Exclusion", ordering="category")
    def what(self, one: Exclusion) -> SafeString:
        """Category and reason."""
        return format_html(
            "{}<br><span class='aio-subtle'>{}</span>", one.get_category_display(), one.reason[:120]
        )

    @display(description="Status", ordering="status")
    def state(self, one: Exclusion) -> SafeString:
        """Where it is in its life."""
        return badge(one)

    @display(description="Client", ordering="client__name")
    def for_client(self, one: Exclusion) -> str:
        """Whom it is for."""
        return str(one.client or "Every client")

    @display(description="Scope")
    def scope(self, one: Exclusion) -> str:
        """Which promises it touches."""
        return ledger_words.scope(one)

    @display(description="When", ordering="starts_at")
    def when(self, one: Exclusion) -> str:
        """Its times."""
        return ledger_words.when(one)

    @display(description="Requested", ordering="requested_at")
    def asked(self, one: Exclusion) -> SafeString:
        """By whom, and when."""
        return _by(one.requested_by, one.requested_at)

    @display(description="Decided", ordering="decided_at")
    def decided(self, one: Exclusion) -> SafeString:
        """By whom, and when."""
        return _by(one.decided_by, one.decided_at)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """What was agreed stays as it was requested: withdraw it and request another."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The ledger keeps what was withdrawn."""
        return False

    def save_model(self, request: HttpRequest, obj: Exclusion, form: Any, change: bool) -> None:
        """A request by the signed-in person."""
        obj.requested_by = _person(request)
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Exclusion, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the request, and say what happens next."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        text = f"{obj} is requested. It counts once another person has approved it."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(_url(obj.pk))

    def get_urls(self) -> list[URLPattern]:
        """The three actions, before the admin's own addresses."""
        own = [
            path(
                f"<int:exclusion_id>/{action}/",
                self.admin_site.admin_view(self.act),
                {"action": action},
                name=f"slas_exclusion_{action}",
            )
            for action in ACTIONS
        ]
        return [*own, *super().get_urls()]

    def act(self, request: HttpRequest, exclusion_id: int, action: str) -> HttpResponse:
        """Approve, reject or withdraw, by POST alone, and return to its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        exclusion = self.get_queryset(request).filter(pk=exclusion_id).first()
        if exclusion is None:
            raise Http404(f"There is no exclusion {exclusion_id}.")
        form = NoteForm(request.POST)
        if not form.is_valid():
            text = f"Nothing was changed. Note: {form.errors['note'][0]}"
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(_url(exclusion_id))
        try:
            ACTIONS[action](
                exclusion_id, acting_user=_person(request), note=form.cleaned_data["note"]
            )
        except exclusions.Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.log_change(request, exclusion, f"{DONE[action].capitalize()}.")
            self.message_user(request, f"{exclusion} is {DONE[action]}.", messages.SUCCESS)
        return HttpResponseRedirect(_url(exclusion_id))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The exclusion's page: what, when, who, and what may be done now."""
        one = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if one is not None and self.has_view_permission(request, one):
            extra |= {
                "title": str(one),
                "exclusion": one,
                "badge": badge(one),
                "scope": ledger_words.scope(one),
                "when": ledger_words.when(one),
                "next": ledger_words.upcoming(one, timezone.now()),
                "note_length": NOTE_LENGTH,
                **_actions(_person(request), one),
            }
        return super().change_view(request, object_id, form_url, extra)


def badge(one: Exclusion) -> SafeString:
    """Its status: a colour, and the word."""
    level, text = _BADGES[one.status], one.get_status_display()
    return format_html('<span class="aio-badge aio-badge--{}">{}</span>', level, text)


def _by(person: User | None, at: datetime | None) -> SafeString:
    if person is None or at is None:
        return SafeString("–")
    when = f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
    return format_html("{}<br><span class='aio-subtle aio-nowrap'>{}</span>", person, when)


def _actions(person: User, one: Exclusion) -> dict[str, bool]:
    """What this person may do with it now, and whether only their own request hinders them."""
    is_open = one.status == Exclusion.Status.REQUESTED
    permitted = exclusions.may_reach(person, one, exclusions.DECIDE)
    in_force = one.status == Exclusion.Status.APPROVED
    return {
        "may_decide": is_open and exclusions.may_decide(person, one),
        "own_request": is_open and permitted and one.requested_by_id == person.pk,
        "may_withdraw": (is_open or in_force) and exclusions.may_withdraw(person, one),
    }


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _url(exclusion_id: int) -> str:
    return reverse("admin:slas_exclusion_change", args=[exclusion_id])
