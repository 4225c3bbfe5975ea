"""One decision over many alerts: chosen in the inbox, confirmed, carried out one by one."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.models import Team
from alerts.admin import decisions, inbox, silencing
from alerts.admin.decisions import NOTE_LENGTH, OVER_MANY, TERMS, Decision
from alerts.admin.views import AlertViews
from alerts.models import Alert, Resolution
from alerts.triage import bulk
from alerts.triage.bulk import Outcome

Seen = dict[int, int]


class BulkActions(AlertViews):
    """The inbox's actions. Each alert is decided on in the version that was seen."""

    def get_urls(self) -> list[URLPattern]:
        """Where the confirmed decisions go."""
        own = [
            path(
                f"bulk/{name}/",
                self.admin_site.admin_view(self.decide),
                {"decision": name},
                name=f"alerts_alert_bulk_{name}",
            )
            for name in OVER_MANY
        ]
        return [*own, *super().get_urls()]

    def has_triage_permission(self, request: HttpRequest) -> bool:
        """Who may act on alerts."""
        return request.user.has_perm(decisions.TRIAGE)

    def has_silence_permission(self, request: HttpRequest) -> bool:
        """Who may silence them, where there are silences."""
        return bool(silencing.form_url()) and request.user.has_perm(silencing.PERMISSION)

    @admin.action(permissions=["triage"], description="Acknowledge")
    def acknowledge_many(self, request: HttpRequest, _queryset: Any) -> HttpResponse:
        """Ask for a note first."""
        return self._ask(request, "acknowledge")

    @admin.action(permissions=["triage"], description="Hand over")
    def assign_many(self, request: HttpRequest, _queryset: Any) -> HttpResponse:
        """Ask to whom."""
        return self._ask(request, "assign")

    @admin.action(permissions=["silence"], description="Silence")
    def silence_many(self, request: HttpRequest, _queryset: Any) -> HttpResponse:
        """Open the form of a silence that covers them."""
        alerts = self._alerts(request, _selected(request))
        return HttpResponseRedirect(silencing.prefilled(alerts))

    @admin.action(permissions=["triage"], description="Resolve")
    def resolve_many(self, request: HttpRequest, _queryset: Any) -> HttpResponse:
        """Ask what it was."""
        return self._ask(request, "resolve")

    def decide(self, request: HttpRequest, decision: str) -> HttpResponse:
        """Carry it out over what was seen; those that were refused are shown as they are now."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user, seen = self._responder(request), _seen(request)
        form = OVER_MANY[decision](request.POST, user=user)
        if not seen or not form.is_valid():
            return self._confirm(request, form, list(seen), seen, status=400)
        visible = {alert.pk for alert in self._alerts(request, list(seen))}
        outcome = bulk.carry_out(seen.items(), visible, form.act)
        self._tell(request, form, outcome)
        if outcome.refused:
            again = list(outcome.refused)
            return self._confirm(request, form, again, {}, outcome=outcome, status=409)
        return HttpResponseRedirect(self._back(request))

    def _ask(self, request: HttpRequest, decision: str) -> HttpResponse:
        form = OVER_MANY[decision](user=self._responder(request))
        return self._confirm(request, form, _selected(request), _seen(request))

    def _confirm(
        self,
        request: HttpRequest,
        form: Decision,
        chosen: list[int],
        seen: Seen,
        *,
        outcome: Outcome | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """The page that asks; ``seen`` are versions that the person saw before."""
        refused = outcome.refused if outcome else {}
        alerts = self._alerts(request, chosen)
        items = [_item(alert, form, seen, refused.get(alert.pk, "")) for alert in alerts]
        context = {
            **self.admin_site.each_context(request),
            **_choices(form),
            "opts": self.opts,
            "title": f"{form.title}: {len(items)} alert{'' if len(items) == 1 else 's'}",
            "form": form,
            "items": items,
            "can": sum(bool(item["legal"]) for item in items),
            "gone": len(set(chosen)) - len(items),
            "url": reverse(f"admin:alerts_alert_bulk_{form.name}"),
            "back": self._back(request),
            "back_query": request.POST.get("back", request.GET.urlencode()),
        }
        return TemplateResponse(request, "admin/alerts/bulk.html", context, status=status)

    def _alerts(self, request: HttpRequest, ids: list[int]) -> list[Alert]:
        """Those that the person may see, worst first, whatever the list was filtered by."""
        found = self.get_queryset(request).filter(pk__in=ids[: bulk.MOST])
        related = ("client", "assignee", "team")
        return list(found.select_related(*related).order_by(*inbox.ORDER, "pk"))

    def _tell(self, request: HttpRequest, form: Decision, outcome: Outcome) -> None:
        count = len(outcome.done)
        if count:
            what = f"{count} alerts are" if count > 1 else f"Alert #{outcome.done[0]} is"
            self.message_user(request, f"{what} {form.done}.", messages.SUCCESS)
        if outcome.refused:
            left = len(outcome.refused)
            text = f"{left} of {left + count} were refused; they are shown as they are now."
            self.message_user(request, text, messages.ERROR)

    def _back(self, request: HttpRequest) -> str:
        """The list as it was filtered; only its query comes from the request."""
        query = request.POST.get("back", request.GET.urlencode())
        url = reverse("admin:alerts_alert_changelist")
        return f"{url}?{query}" if query else url


def _item(alert: Alert, form: Decision, seen: Seen, refused: str) -> dict[str, Any]:
    """One alert on the page that asks."""
    return {
        "row": inbox.row(alert, timezone.now()),
        "refused": refused,
        "moved": seen.get(alert.pk, alert.version) != alert.version,
        "legal": form.legal(alert),
    }


def _choices(form: Decision) -> dict[str, Any]:
    """What the decision's fields offer."""
    offered: dict[str, Any] = {
        "terms": {value: label for value, (label, _span) in TERMS.items()},
        "resolutions": Resolution.choices,
        "note_length": NOTE_LENGTH,
    }
    if isinstance(form, decisions.Assign):
        offered |= {"people": decisions.responders(form.user), "teams": Team.objects.all()}
    return offered


def _selected(request: HttpRequest) -> list[int]:
    texts = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return [int(text) for text in texts if text.isascii() and text.isdecimal()]


def _seen(request: HttpRequest) -> Seen:
    """Alert → version, as the page showed them: "7:2"."""
    seen: Seen = {}
    for text in request.POST.getlist("seen")[: bulk.MOST]:
        alert, _, version = text.partition(":")
        if all(part.isascii() and part.isdecimal() and len(part) < 10 for part in (alert, version)):
            seen[int(alert)] = int(version)
    return seen
