"""Admin of silences: made with a preview of what they match, ended by hand, never edited."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http import HttpResponseRedirect as Redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.models import User
from alerts import matching
from alerts.admin import alert_rows
from alerts.admin.matchers import MatchersField, as_lines, parsed
from alerts.admin.silence_form import SilenceForm
from alerts.models import Silence
from alerts.triage import silences
from alerts.triage.lifecycle import Refused
from slas import ledger_words

_BADGES = {
    "In force": "acknowledged",
    "Between times": "low",
    "To come": "medium",
    "Ended": "none",
    "Over": "none",
}


class StateFilter(admin.SimpleListFilter):
    """Those that still count, or those that are over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Two."""
        return [("active", "Active or to come"), ("over", "Ended or over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Silence]) -> QuerySet[Silence]:  # noqa: ARG002
        """Silences of the state."""
        going_on = Q(ended_at=None, ends_at__gt=timezone.now())
        if self.value() is None:
            return queryset
        return queryset.filter(going_on if self.value() == "active" else ~going_on)


@admin.register(Silence)
class SilenceAdmin(ModelAdmin):
    """Responders make and end them; nobody edits one, so that what was agreed stays readable."""

    form = SilenceForm
    change_form_template = "admin/alerts/silence.html"
    change_form_after_template = "admin/alerts/silence_ask.html"
    list_per_page = 50
    list_display = ["what", "state", "why", "when", "by"]
    list_filter = [StateFilter, "owner"]
    list_select_related = ["owner", "ended_by"]
    search_fields = ["reason", "owner__username"]
    search_help_text = "Reason or owner."
    fieldsets = [
        ("What", {"fields": ["matchers", "reason"]}),
        ("When", {"fields": ["starts_at", "ends_at"]}),
        (
            "Repeated",
            {"fields": ["rrule", "duration_minutes", "zone"], "classes": ["collapse"]},
        ),
    ]

    class Media:
        css = {"all": ["aiosmon/backtest.css", "aiosmon/noise.css"]}
        js = ["aiosmon/asking.js", "aiosmon/silence.js"]

    @display(description="Alerts for which")
    def what(self, silence: Silence) -> str:
        """Its matchers."""
        return matching.in_words(silence.matchers)

    @display(description="State")
    def state(self, silence: Silence) -> SafeString:
        """Whether it keeps anything quiet."""
        return badge(silence)

    @display(description="Why", ordering="reason")
    def why(self, silence: Silence) -> str:
        """The reason, in short."""
        reason = silence.reason
        return reason if len(reason) <= 80 else f"{reason[:79]}…"

    @display(description="When", ordering="starts_at")
    def when(self, silence: Silence) -> str:
        """Its times."""
        return times(silence)

    @display(description="Owner", ordering="owner__username")
    def by(self, silence: Silence) -> str:
        """Who made it."""
        return str(silence.owner)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Silence]:
        """What the person may see of other clients' is nothing."""
        return silences.visible(super().get_queryset(request), request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """End it and make another."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Alerts name the silence that kept them quiet."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """The preview and the end, before the admin's own addresses."""
        wrap = self.admin_site.admin_view
        return [
            path("add/preview/", wrap(self.preview), name="alerts_silence_preview"),
            path("<int:silence_id>/end/", wrap(self.end), name="alerts_silence_end"),
            *super().get_urls(),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a link from alerts fills in: ?matchers= as JSON; nonsense is left out."""
        found: dict[str, Any] = {}
        if text := request.GET.get("reason"):
            found["reason"] = text
        try:
            if matchers := parsed(request.GET.get("matchers", "")):
                found["matchers"] = as_lines(matchers)
        except matching.Invalid:
            pass
        return found

    def save_model(self, request: HttpRequest, obj: Silence, form: Any, change: bool) -> None:
        """It is the signed-in person's."""
        obj.owner = _person(request)
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Silence, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say when it takes hold."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        text = f"{obj} is made. What it matches is quiet within seconds while it is in force."
        self.message_user(request, text, messages.SUCCESS)
        return Redirect(_url(obj.pk))

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What the unsaved matchers are about: a fragment for the script, else a page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {"title": "What it matches", **_previewed(request, request.POST.get("matchers"))}
        if request.headers.get("X-Requested-With") == "fetch":
            return TemplateResponse(request, "admin/alerts/silence_preview.html", context)
        context |= self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/alerts/silence_preview_page.html", context)

    def end(self, request: HttpRequest, silence_id: int) -> HttpResponse:
        """End it now, by POST alone, and return to its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(silences.END):
            raise PermissionDenied
        silence = self.get_queryset(request).filter(pk=silence_id).first()
        if silence is None:
            raise Http404(f"There is no silence {silence_id}.")
        try:
            silences.end(silence_id, acting_user=_person(request))
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.log_change(request, silence, "Ended.")
            text = f"{silence} is ended. What it kept quiet and is still broken fires again."
            self.message_user(request, text, messages.SUCCESS)
        return Redirect(_url(silence_id))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """With the preview: of what is written in the form, or of the silence that is shown."""
        silence: Silence | None = kwargs.get("obj")
        if silence is None:
            form = context["adminform"].form
            written = form["matchers"].value()
            context["ask"] = {
                "url": reverse("admin:alerts_silence_preview"),
                "form": "silence_form",
            }
            context |= _previewed(request, written) if written else {}
        else:
            now = timezone.now()
            context |= {
                "title": str(silence),
                "silence": silence,
                "badge": badge(silence),
                "matchers": as_lines(silence.matchers).splitlines(),
                "times": times(silence),
                "next": upcoming(silence),
                "may_end": silence.ended_at is None
                and silence.ends_at > now
                and request.user.has_perm(silences.END),
                **_matched(request, silence.matchers),
            }
        return super().render_change_form(request, context, *args, **kwargs)


def state(silence: Silence) -> str:
    """Whether it keeps anything quiet now, in words."""
    now = timezone.now()
    if silence.ended_at is not None:
        return "Ended"
    if silence.ends_at <= now:
        return "Over"
    if silences.in_force(silence, now):
        return "In force"
    return "To come" if silence.starts_at > now else "Between times"


def badge(silence: Silence) -> SafeString:
    """Its state: a colour, and the word."""
    text = state(silence)
    return format_html('<span class="aio-badge aio-badge--{}">{}</span>', _BADGES[text], text)


def times(silence: Silence) -> str:
    """When it holds."""
    zone = timezone.get_current_timezone()
    last = silence.ended_at or silence.ends_at
    if not silence.rrule:
        return ledger_words.between(silence.starts_at, last, zone)
    return f"{ledger_words.when(silence)}, until {last.astimezone(zone):%Y-%m-%d %H:%M}"


def upcoming(silence: Silence) -> list[Any]:
    """The next few times of a repeated silence that was not ended."""
    if silence.ended_at is not None:
        return []
    found = ledger_words.upcoming(silence, timezone.now())
    return [(since, until) for since, until in found if until <= silence.ends_at]


def _previewed(request: HttpRequest, written: Any) -> dict[str, Any]:
    try:
        matchers = MatchersField().clean(written)
    except ValidationError as error:
        return {"preview_errors": error.messages}
    return _matched(request, matchers)


def _matched(request: HttpRequest, matchers: list[matching.Matcher]) -> dict[str, Any]:
    found = silences.preview(matchers, request.user, timezone.now())
    return {
        "preview": found,
        "open_rows": [alert_rows.row(alert) for alert in found.open],
        "recent_rows": [alert_rows.row(alert) for alert in found.recent],
    }


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _url(silence_id: int) -> str:
    return reverse("admin:alerts_silence_change", args=[silence_id])
