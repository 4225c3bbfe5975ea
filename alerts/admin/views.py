"""The addresses of one alert: its page, the decisions about it, what is live, its chart."""

import hashlib
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotModified,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin import ReadOnlyAdmin
from accounts.models import Team, User
from alerts.admin import chart, chart_svg, decisions, page, silencing, timeline
from alerts.admin.decisions import DECISIONS, NOTE_LENGTH, TERMS, TRIAGE
from alerts.models import Alert, Resolution
from alerts.triage import presence
from alerts.triage.lifecycle import Refused
from alerts.triage.presence import Other

POLL_SECONDS = 5


class AlertViews(ReadOnlyAdmin):
    """What can be done with one alert. Everything that changes it is a POST."""

    def get_urls(self) -> list[URLPattern]:
        """Our addresses before the admin's own."""
        view = self.admin_site.admin_view
        own = [
            path(
                f"<int:alert_id>/{name}/",
                view(self.act),
                {"decision": name},
                name=f"alerts_alert_{name}",
            )
            for name in DECISIONS
        ]
        return [
            *own,
            path("<int:alert_id>/live/", view(self.live), name="alerts_alert_live"),
            path("<int:alert_id>/here/", view(self.here), name="alerts_alert_here"),
            path("<int:alert_id>/chart/", view(self.chart), name="alerts_alert_chart"),
            path("<int:alert_id>/chart.svg", view(self.picture), name="alerts_alert_picture"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The alert's page."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        alert = self.get_object(request, object_id)
        if alert is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, alert):
            raise PermissionDenied
        return self._page(request, alert)

    def act(self, request: HttpRequest, alert_id: int, decision: str) -> HttpResponse:
        """Carry a decision out, by POST alone, and return to the alert's page.

        Who comes second gets the page with what the first did, and what they wrote.
        """
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = self._responder(request)
        alert = self._alert(request, alert_id)
        kind = DECISIONS[decision]
        form = kind(request.POST, user=user, alert=alert)
        version = _version(request) if kind.versioned else 0
        if version is None or not form.is_valid():
            return self._again(request, alert, decision, _problems(form), 400)
        try:
            form.act(alert_id, version)
        except Refused as refused:
            # It may be gone, or hidden, by now.
            return self._again(request, self._alert(request, alert_id), decision, str(refused), 409)
        self.message_user(request, f"Alert #{alert_id} is {kind.done}.", messages.SUCCESS)
        url = reverse("admin:alerts_alert_change", args=[alert_id])
        # The page's script forgets its draft of what was sent.
        return HttpResponseRedirect(f"{url}#sent-{decision}")

    def live(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        """The parts of the page that others change; 304 while nothing has."""
        alert, now = self._alert(request, alert_id), timezone.now()
        user = self._person(request)
        others = presence.others(alert_id, user, now)
        may = user.has_perm(TRIAGE)
        tag = _etag(alert, user, others, may=may)
        if request.headers.get("If-None-Match") == tag:
            return HttpResponseNotModified(headers={"ETag": tag})
        context = self._live(alert, user, others, now, may=may)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        return TemplateResponse(request, "admin/alerts/live.html", context, headers=headers)

    def here(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        """The person has the page open, and perhaps an unsent text on it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._alert(request, alert_id)
        writing = request.POST.get("writing") == "1"
        presence.here(alert_id, self._person(request), timezone.now(), writing=writing)
        return HttpResponse(status=204)

    def chart(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        """The metric around the breach, as JSON."""
        alert = self._alert(request, alert_id)
        found = chart.of(alert, request.user, timezone.now(), request.GET.get("span", ""))
        return JsonResponse(found.as_json(), headers={"Cache-Control": "private, no-cache"})

    def picture(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        """The same as a picture, for browsers without scripts."""
        alert = self._alert(request, alert_id)
        found = chart.of(alert, request.user, timezone.now(), request.GET.get("span", ""))
        drawn = chart_svg.draw(found, timezone.get_current_timezone())
        headers = {"Cache-Control": "private, no-cache"}
        return HttpResponse(drawn, content_type="image/svg+xml", headers=headers)

    def _again(
        self, request: HttpRequest, alert: Alert, decision: str, problem: str, status: int
    ) -> HttpResponse:
        """The page with what went wrong, and with what was written, where it can still be sent."""
        sent = {name: text for name, text in request.POST.items() if name != "csrfmiddlewaretoken"}
        if decision in decisions.legal(alert):
            drafts = {decision: sent}
        else:
            drafts = {"comment": {"note": sent.get("note", "")}}
        return self._page(request, alert, status=status, problem=problem, drafts=drafts)

    def _page(
        self, request: HttpRequest, alert: Alert, *, status: int = 200, **more: Any
    ) -> HttpResponse:
        now, user = timezone.now(), self._person(request)
        others = presence.others(alert.pk, user, now)
        may = user.has_perm(TRIAGE)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": alert,
            "title": str(alert),
            "page": page.of(alert, user, now),
            "etag": _etag(alert, user, others, may=may),
            "poll_seconds": POLL_SECONDS,
            "mentionable": decisions.mentionable(user, alert) if may else [],
            "spans": {"": "Breach", "6h": "6 h", "1d": "1 day", "7d": "7 days"},
            **self._live(alert, user, others, now, may=may),
            **more,
        }
        return TemplateResponse(request, "admin/alerts/alert_page.html", context, status=status)

    def _live(
        self, alert: Alert, user: User, others: list[Other], now: datetime, *, may: bool
    ) -> dict[str, Any]:
        steps = timeline.steps(alert)
        context = {
            "alert": alert,
            "head": page.head(alert, now),
            "others": others,
            "steps": steps,
            "steps_full": len(steps) == timeline.MOST_EVENTS,
            "last": timeline.latest(steps, user),
            "legal": decisions.legal(alert) if may else [],
            "may": may,
            "drafts": {},
        }
        if may:
            silences = silencing.form_url() and user.has_perm(silencing.PERMISSION)
            context |= {
                "silence_url": silencing.prefilled([alert]) if silences else "",
                "people": list(decisions.responders(user, alert)),
                "teams": list(Team.objects.all()),
                "terms": {value: label for value, (label, _span) in TERMS.items()},
                "resolutions": Resolution.choices,
                "note_length": NOTE_LENGTH,
                "grace_seconds": settings.RESOLVE_GRACE_SECONDS,
                "me": user,
            }
        return context

    def _alert(self, request: HttpRequest, alert_id: int) -> Alert:
        """The alert, if the person may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        alert = self.get_queryset(request).filter(pk=alert_id).first()
        if alert is None:
            raise Http404(f"There is no alert {alert_id}.")
        return alert

    def _person(self, request: HttpRequest) -> User:
        if not isinstance(request.user, User):
            raise PermissionDenied
        return request.user

    def _responder(self, request: HttpRequest) -> User:
        user = self._person(request)
        if not user.has_perm(TRIAGE):
            raise PermissionDenied
        return user


def _version(request: HttpRequest) -> int | None:
    """The version of the alert that the person saw; None where none was sent."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 2**31 else None


def _problems(form: decisions.Decision) -> str:
    problems = (f"{name}: {texts[0]}" for name, texts in form.errors.items())
    return " ".join(["Nothing was changed.", *problems])


def _etag(alert: Alert, user: User, others: list[Other], *, may: bool) -> str:
    """What the live parts follow from, in one short text; one query for the newest event."""
    last = alert.events.order_by("-id").values_list("id", flat=True).first()
    of = (
        *(alert.pk, alert.version, alert.changed_at, alert.last_breach_at, alert.actual_value),
        *(alert.severity, alert.actionable, last, user.pk, may, others),
    )
    return f'"{hashlib.sha256(repr(of).encode()).hexdigest()[:32]}"'
