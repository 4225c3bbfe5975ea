"""The page of ingestion's health: what comes in, what is refused, who has gone quiet."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts import visibility
from accounts.models import ApiKey
from metrics import formats, intake_health, rollups
from metrics.admin import bars
from metrics.ingest.service import FACES
from metrics.intake_health import Amount, Only, Traffic
from metrics.models import Emitter

PERMISSION = "metrics.view_intakeminute"
REFRESH_SECONDS = 10
MOST_REASONS, MOST_SILENT = 50, 20
DAYS = {1: "today", 7: "the last 7 days", 14: "the last 14 days"}


class Narrow(forms.Form):
    """Whose figures to show, and how far back refusals go."""

    key = forms.ModelChoiceField(
        ApiKey.objects.none(), required=False, label="API key", empty_label="All keys"
    )
    face = forms.ChoiceField(required=False, label="Way in")
    days = forms.TypedChoiceField(
        required=False,
        label="Refusals of",
        coerce=int,
        empty_value=None,
        choices=[(count, text.capitalize()) for count, text in DAYS.items()],
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.GET)
        keys = visibility.limit(ApiKey.objects.order_by("name", "prefix"), request.user)
        self.fields["key"].queryset = keys  # type: ignore[attr-defined]
        self.fields["face"].choices = [("", "All ways in"), *((one, one) for one in FACES)]  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.widget.attrs["class"] = "aio-input"


def view(request: HttpRequest) -> HttpResponse:
    """The page, for who may see minutes of ingestion; a narrower look by GET."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form = Narrow(request)
    # What is wrong is said beside its field, and narrows nothing.
    wanted = form.cleaned_data if form.is_valid() else {}
    key = wanted.get("key")
    only = Only(key.pk if key else None, wanted.get("face", ""))
    now = timezone.now()
    context = {
        **admin.site.each_context(request),
        "title": "Ingestion health",
        "form": form,
        "now": now,
        "refresh_seconds": REFRESH_SECONDS,
        "is_narrow": only != Only(),
        "traffic": _traffic(request, only, now),
        "refusals": _refusals(request, only, now, wanted.get("days") or 1),
        "silence": _silence(request, now),
        "backlog": _backlog(request),
        "ingest_url": settings.PORTAL_URL.rstrip("/") + reverse("metrics"),
    }
    return TemplateResponse(request, "admin/metrics/intake_health.html", context)


def _traffic(request: HttpRequest, only: Only, now: datetime) -> dict[str, Any] | None:
    """Rates, lag and the last hour's chart; None when nothing ever came in."""
    minutes = intake_health.minutes_for(request.user, only)
    if not minutes.exists():
        return None
    faces = intake_health.traffic(minutes, now)
    starts, amounts = intake_health.window(now), intake_health.series(minutes, now)
    titles = [
        f"{timezone.localtime(start):%H:%M}: {stored:,} stored, {rejected:,} refused"
        for start, (stored, rejected) in zip(starts, amounts, strict=True)
    ]
    hour, current = _sum([one.hour for one in faces]), _sum([one.now for one in faces])
    lags = [one.lag_max for one in faces if one.lag_max is not None]
    return {
        "rows_rate": rate(current.rows, current),
        "requests_rate": rate(current.requests, current),
        "hour": hour,
        "refused_share": formats.share(hour.rejected, hour.rows),
        "lag_max": formats.measure(max(lags, default=None), "s"),
        "faces": [_face(one) for one in faces],
        "since": starts[-2],
        "start": starts[0],
        "chart": bars.draw(amounts, titles),
        "chart_title": f"Rows a minute in the last hour: {hour.stored:,} stored, "
        f"{hour.rejected:,} refused, at most {max(map(sum, amounts)):,} in one minute",
    }


def rate(count: int, amount: Amount) -> str:
    """PURE: so many a second; little is not rounded to nothing."""
    each = count / amount.seconds if amount.seconds else 0.0
    return f"<{formats.NBSP}0.01" if 0 < each < 0.01 else formats.number(round(each, 2))


def _face(one: Traffic) -> dict[str, Any]:
    return {
        "name": one.face,
        "spans": [
            {
                "rows": rate(amount.rows, amount),
                "requests": rate(amount.requests, amount),
            }
            for amount in (one.now, one.hour, one.day)
        ],
        "day": one.day,
        "lag_max": formats.measure(one.lag_max, "s"),
        "lag_typical": formats.measure(one.lag_typical, "s"),
    }


def _sum(amounts: list[Amount]) -> Amount:
    return Amount(
        sum(one.requests for one in amounts),
        sum(one.stored for one in amounts),
        sum(one.rejected for one in amounts),
        max((one.seconds for one in amounts), default=0.0),
    )


def _refusals(request: HttpRequest, only: Only, now: datetime, days: int) -> dict[str, Any] | None:
    if not request.user.has_perm("metrics.view_intakerejection"):
        return None
    rejections = intake_health.rejections_for(request.user, only)
    since = now.date() - timedelta(days=days - 1)
    found = intake_health.reasons(rejections, since, MOST_REASONS + 1)
    limited, limited_keys = intake_health.over_limit(rejections, since)
    return {
        "reasons": found[:MOST_REASONS],
        "more": len(found) > MOST_REASONS,
        "days": DAYS[days],
        "limited": limited,
        "limited_keys": limited_keys,
        "url": reverse("admin:metrics_intakerejection_changelist"),
    }


def _silence(request: HttpRequest, now: datetime) -> dict[str, Any] | None:
    if not request.user.has_perm("metrics.view_emitter"):
        return None
    known = visibility.limit(Emitter.objects.filter(muted=False), request.user)
    silent = intake_health.silent(known, now).select_related("client").order_by("-last_seen_at")
    shown = list(silent[: MOST_SILENT + 1])
    return {
        "services": [
            {
                "emitter": one,
                "age": formats.age(now - one.last_seen_at),
                "url": reverse("admin:metrics_emitter_change", args=[one.pk]),
            }
            for one in shown[:MOST_SILENT]
        ],
        "count": silent.count() if len(shown) > MOST_SILENT else len(shown),
        "known": known.count(),
        "url": reverse("admin:metrics_emitter_changelist"),
    }


def _backlog(request: HttpRequest) -> dict[str, Any]:
    found = intake_health.backlog(request.user)
    return {
        "found": found,
        # More than one pass of the roll-up takes: it has fallen behind.
        "is_behind": found.capped or found.minutes > rollups.BATCH,
    }
