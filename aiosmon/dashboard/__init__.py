"""The admin's front page: how things stand now, in one look and about ten queries.

Each panel is a module; a panel whose rows a person may not view is None and is
left out. Everything is limited to the clients that they may see.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aiosmon.dashboard import alerts, compliance, components, delivery, probes, watching

# The specification's dashboard_refresh_rate.
REFRESH_SECONDS = 10


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the front page shows to the admin's own context."""
    user, now = request.user, timezone.now()
    may_see_alerts = user.has_perm("alerts.view_alert")
    open_alerts = alerts.panel(user, now) if may_see_alerts else None
    tiles = None
    if user.has_perm("metrics.view_minuterollup"):
        tiles = components.panel(user, now, open_alerts.worst if open_alerts else {})
    return {
        **context,
        "title": "Overview",
        "now": now,
        "refresh_seconds": REFRESH_SECONDS,
        "alerts": open_alerts,
        "components": tiles,
        "compliance": compliance.panel(user, now) if user.has_perm("slas.view_verdict") else None,
        "probes": probes.panel(user, now) if user.has_perm("metrics.view_probe") else None,
        "watching": watching.panel(user, now),
        "delivery": delivery.panel(user) if user.has_perm("alerts.view_notification") else None,
        "ingest_url": settings.PORTAL_URL.rstrip("/") + reverse("metrics"),
    }
