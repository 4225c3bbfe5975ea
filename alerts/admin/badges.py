"""PURE: severities and statuses as badges: a colour, and always a word with it."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerts.models import Severity, Status

# level → the portal.css modifier that colours it
LEVELS: dict[str, str] = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "high",
    Severity.MEDIUM: "medium",
    Severity.LOW: "low",
    Status.PENDING: "pending",
    Status.FIRING: "firing",
    Status.ACKNOWLEDGED: "acknowledged",
    Status.SUPPRESSED: "suppressed",
    Status.RESOLVED: "ok",
}


def severity(value: str) -> SafeString:
    """The severity's badge."""
    return _badge(value, Severity(value).label)


def status(value: str) -> SafeString:
    """The status's badge."""
    return _badge(value, Status(value).label)


def _badge(value: str, text: str) -> SafeString:
    return format_html('<span class="aio-badge aio-badge--{}">{}</span>', LEVELS[value], text)
