"""The breaches: alerts, their life, and what people do about them."""

from django.apps import AppConfig

# What everybody who signs in may look at, of the clients and teams they may see.
_SEEN: dict[str, tuple[str, ...]] = dict.fromkeys(
    (
        "alert",
        "alertevent",
        "componentdependency",
        "incident",
        "notification",
        "playbook",
        "severityrule",
        "silence",
        "escalationpolicy",
        "escalationrun",
        "escalationstep",
        "oncalloverride",
        "oncallschedule",
        "rotation",
        "rotationmember",
    ),
    ("view",),
)
_ALL = ("view", "add", "change", "delete")
# Silences are made and ended; nobody edits one.
_MADE = ("view", "add", "change")
_TRIAGE: dict[str, tuple[str, ...]] = {
    "alert": ("view", "triage"),
    "notification": ("view", "resend"),
    "silence": _MADE,
}
# How breaches are judged: who answers for the promises sets it.
_JUDGING: dict[str, tuple[str, ...]] = dict.fromkeys(("severityrule", "playbook"), _ALL)


class AlertsConfig(AppConfig):
    """From a verdict to an alert that a human resolves."""

    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Breaches"
    role_permissions = {
        "Viewer": _SEEN,
        "Responder": {
            **_SEEN,
            **_TRIAGE,
            "oncalloverride": ("view", "add"),
            "channel": ("view",),
            "route": ("view",),
        },
        # Who answers for a promise decides who hears of it; the keys of channels are not theirs.
        "SLA manager": {
            **_SEEN,
            **_JUDGING,
            "channel": ("view",),
            "route": _ALL,
        },
        "Administrator": {
            **_SEEN,
            **_TRIAGE,
            **_JUDGING,
            "channel": _ALL,
            "componentdependency": _ALL,
            "route": _ALL,
            "oncallschedule": (*_ALL, "override"),
            "rotation": _ALL,
            "rotationmember": _ALL,
            "oncalloverride": ("view", "add"),
            "escalationpolicy": _ALL,
            "escalationstep": _ALL,
        },
    }

    def ready(self) -> None:
        """Take alerts of other systems at an address of the fast way in."""
        from alerts.receiving.face import Alertmanager
        from metrics.ingest import service

        service.register(Alertmanager())
