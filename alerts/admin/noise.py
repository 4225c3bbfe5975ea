"""The page “Noise”: what each rule told, whether it was needed, and what would be quieter."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import visibility
from alerts.admin.links import promise_url
from alerts.triage import noise, tuning
from alerts.triage.noise import Line
from metrics import formats
from slas import backtest, names, objectives
from slas.backtest import TooMuchError

PERMISSION = "alerts.view_alert"
USUAL_DAYS = 30
# The backtest counts rows: of more days there are none by default.
TRIED_DAYS = (7, 1)


@dataclass(frozen=True)
class Row:
    """A line of the ledger in words."""

    line: Line
    what: str
    actionable: str
    mtta: str
    mttr: str
    promise_url: str
    is_promised: bool


def urls() -> list[URLPattern]:
    """The ledger, and a proposal."""
    wrap = admin.site.admin_view
    return [
        path("", wrap(view), name="alerts_noise"),
        path("proposal/", wrap(proposal), name="alerts_noise_proposal"),
    ]


def view(request: HttpRequest) -> HttpResponse:
    """The ledger over 7, 30 or 90 days, of the clients that the person may see."""
    _check(request)
    wanted = request.GET.get("days", "")
    days = int(wanted) if wanted in map(str, noise.DAYS) else USUAL_DAYS
    now = timezone.now()
    lines = noise.ledger(_clients(request), now - timedelta(days=days), now)
    promised = {one.key for one in objectives.enabled()}
    context = {
        **admin.site.each_context(request),
        "title": "Noise",
        "rows": [_row(line, promised) for line in lines],
        "days": days,
        "choices": noise.DAYS,
        "total": _total(lines),
        "short_minutes": noise.SHORT.seconds // 60,
    }
    return TemplateResponse(request, "admin/alerts/noise.html", context)


def proposal(request: HttpRequest) -> HttpResponse:
    """What would be quieter for one objective, by POST: it takes a while."""
    _check(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    key = request.POST.get("objective", "")
    objective = next((one for one in objectives.enabled() if one.key == key), None)
    if objective is None:
        raise Http404("There is no such promise in force.")
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Quieter: {names.in_words(key)}",
        "promise_url": promise_url(key),
        "noise_url": reverse("alerts_noise"),
        "seconds": backtest.SECONDS,
    }
    for days in TRIED_DAYS:
        try:
            found = tuning.propose(objective, _clients(request), timezone.now(), days)
        except TooMuchError:
            continue
        context |= {"proposal": found, "days": days}
        break
    return TemplateResponse(request, "admin/alerts/noise_proposal.html", context)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _clients(request: HttpRequest) -> list[int]:
    return list(visibility.visible_clients(request.user).values_list("pk", flat=True))


def _row(line: Line, promised: set[str]) -> Row:
    share = line.actionable_share
    return Row(
        line=line,
        what=names.in_words(line.what),
        actionable="–" if share is None else f"{100 * share:.0f} %",
        mtta=formats.age(line.mtta) if line.mtta is not None else "–",
        mttr=formats.age(line.mttr) if line.mttr is not None else "–",
        promise_url=promise_url(line.objective),
        is_promised=line.objective in promised,
    )


def _total(lines: list[Line]) -> dict[str, Any]:
    marked = sum(line.marked for line in lines)
    actionable = sum(line.actionable for line in lines)
    return {
        "fired": sum(line.fired for line in lines),
        "quiet": sum(line.quiet for line in lines),
        "short": sum(line.short for line in lines),
        "marked": marked,
        "actionable": formats.share(actionable, marked) if marked else "–",
        "noisy": sum(bool(line.why_noisy) for line in lines),
    }
