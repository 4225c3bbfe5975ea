"""Where an alert's promise is edited."""

from urllib.parse import urlencode

from django.urls import reverse

from alerts.models import Alert, AlertType

_VIEWS = {"sla": "sla", "model": "modeltarget", "limit": "resourcelimit"}


def probe_url(alert: Alert) -> str:
    """The page of the probe whose runs fail; "" for an alert of something else."""
    probe = alert.evidence.get("probe")
    if alert.alert_type != AlertType.PROBE_FAILED or not probe:
        return ""
    return reverse("admin:metrics_probe_change", args=[probe["id"]])


def promise_url(objective: str) -> str:
    """The list with the promise that an objective's key names; "" for what is none."""
    promise, _, rest = objective.partition(":")
    code, _, name = rest.rpartition(":")
    view = _VIEWS.get(promise)
    if view is None:
        return ""
    query = {"q": name, "component": code} if promise == "limit" else {"q": code}
    return f"{reverse(f'admin:slas_{view}_changelist')}?{urlencode(query)}"
