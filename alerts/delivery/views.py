"""The page behind a signed link: GET asks, POST acts."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from alerts.delivery import links
from alerts.delivery.links import Link
from alerts.figures import comparison
from alerts.models import Alert
from alerts.triage import lifecycle
from alerts.triage.lifecycle import Refused
from metrics import formats
from slas import names

NOTE_LENGTH = 2000


class LinkForm(forms.Form):
    """Who acts, where the link does not tell, and why."""

    name = forms.CharField(required=False, max_length=links.NAME_LENGTH)
    note = forms.CharField(required=False, max_length=NOTE_LENGTH)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def alert_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link would do; by POST, do it and show what came of it."""
    try:
        link = links.read(token)
    except Refused as refused:
        return _page(request, {"refused": str(refused)}, 410)
    alert = Alert.objects.select_related("client", "acknowledged_by").filter(pk=link.alert_id)
    found = alert.first()
    if found is None:
        return _page(request, {"refused": f"Alert #{link.alert_id} no longer exists."}, 410)
    context = _context(request, link, found)
    if request.method != "POST":
        return _page(request, context)
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _page(request, {**context, "refused": "The name or the note is too long."}, 400)
    try:
        links.act(link, signed_in=_signed_in(request), **form.cleaned_data)
    except Refused as refused:
        typed = {"name": form.cleaned_data["name"], "note": form.cleaned_data["note"]}
        return _page(request, {**context, **typed, "refused": str(refused)}, 409)
    # A reload must not act again: the page then shows what the alert is now.
    return HttpResponseRedirect(request.path)


def _context(request: HttpRequest, link: Link, alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert,
        "what": names.in_words(alert.objective or alert.metric_name),
        "numbers": comparison(alert),
        "age": formats.age((alert.resolved_at or timezone.now()) - alert.created_at),
        "action": link.action,
        "legal": link.action in lifecycle.legal_actions(alert.status),
        "person": links.person_of(link, _signed_in(request)),
        "unknown": link.user_id is None and _signed_in(request) is None,
        "name_length": links.NAME_LENGTH,
        "note_length": NOTE_LENGTH,
    }


def _signed_in(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, "alerts/link.html", context, status=status)
    # The address is the key: it must not reach other sites. With “no-referrer” browsers would
    # send the form without its origin, which the check against forged requests refuses.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response
