"""The breaches: alerts, their life, and what people do about them."""

from django.apps import AppConfig

# What everybody who signs in may look at, of the clients they may see.
_SEEN: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("alert", "alertevent", "incident", "silence", "componentdependency"), ("view",)
)
# Silences are made and ended; nobody edits one.
_SILENCES = ("view", "add", "change")
_EDITED = ("view", "add", "change", "delete")


class AlertsConfig(AppConfig):
    """From a verdict to an alert that a human resolves."""

    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Breaches"
    role_permissions = {
        "Viewer": _SEEN,
        "Responder": {
            **_SEEN,
            "alert": ("view", "triage"),
            "silence": _SILENCES,
        },
        "SLA manager": _SEEN,
        "Administrator": {
            **_SEEN,
            "alert": ("view", "triage"),
            "silence": _SILENCES,
            "componentdependency": _EDITED,
        },
    }

    def ready(self) -> None:
        """Take alerts of other systems at an address of the fast way in."""
        from alerts.receiving.face import Alertmanager
        from metrics.ingest import service

        service.register(Alertmanager())
