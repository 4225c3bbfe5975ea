"""The breaches: alerts, their life, and what people do about them."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """From a verdict to an alert that a human resolves."""

    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Breaches"
    role_permissions = {
        "Viewer": {"alert": ("view",), "alertevent": ("view",)},
        "Responder": {"alert": ("view", "triage"), "alertevent": ("view",)},
        "SLA manager": {"alert": ("view",), "alertevent": ("view",)},
        "Administrator": {"alert": ("view", "triage"), "alertevent": ("view",)},
    }
