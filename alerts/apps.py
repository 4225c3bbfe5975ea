"""The breaches: alerts, their life, and what people do about them."""

from django.apps import AppConfig

# What everybody who signs in may look at, of the clients and teams they may see.
_SEEN: dict[str, tuple[str, ...]] = dict.fromkeys(
    (
        "alert",
        "alertevent",
        "incident",
        "notification",
        "oncallschedule",
        "rotation",
        "rotationmember",
        "oncalloverride",
        "escalationpolicy",
        "escalationstep",
        "escalationrun",
    ),
    ("view",),
)
_ALL = ("view", "add", "change", "delete")


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
            "oncalloverride": ("view", "add"),
            "notification": ("view", "resend"),
            "channel": ("view",),
            "route": ("view",),
        },
        # Who answers for a promise decides who hears of it; the keys of channels are not theirs.
        "SLA manager": {
            **_SEEN,
            "channel": ("view",),
            "route": _ALL,
        },
        "Administrator": {
            **_SEEN,
            "alert": ("view", "triage"),
            "notification": ("view", "resend"),
            "channel": _ALL,
            "route": _ALL,
            "oncallschedule": (*_ALL, "override"),
            "rotation": _ALL,
            "rotationmember": _ALL,
            "oncalloverride": ("view", "add"),
            "escalationpolicy": _ALL,
            "escalationstep": _ALL,
        },
    }
