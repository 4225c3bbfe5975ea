"""The breaches: alerts, their life, and what people do about them."""

from django.apps import AppConfig

# What everybody who signs in may look at, of the clients they may see.
_SEEN: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("alert", "alertevent", "incident", "severityrule", "playbook"), ("view",)
)
# How breaches are judged: who answers for the promises sets it.
_JUDGING: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("severityrule", "playbook"), ("view", "add", "change", "delete")
)


class AlertsConfig(AppConfig):
    """From a verdict to an alert that a human resolves."""

    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Breaches"
    role_permissions = {
        "Viewer": _SEEN,
        "Responder": {**_SEEN, "alert": ("view", "triage")},
        "SLA manager": {**_SEEN, **_JUDGING},
        "Administrator": {**_SEEN, **_JUDGING, "alert": ("view", "triage")},
    }
