"""The facts: rows, roll-ups, baselines, probes."""

from django.apps import AppConfig

VIEW = ("view",)
EDIT = ("view", "add", "change")


class MetricsConfig(AppConfig):
    """What was measured, and the means of measuring."""

    name = "metrics"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Facts"
    role_permissions = {
        "Viewer": {
            "performancemetric": VIEW,
            "performancebaseline": VIEW,
            "component": VIEW,
            "metricdefinition": VIEW,
            "minuterollup": VIEW,
            "probe": VIEW,
        },
        "Responder": {
            "performancemetric": VIEW,
            "performancebaseline": VIEW,
            "component": VIEW,
            "metricdefinition": VIEW,
            "minuterollup": VIEW,
            "probe": VIEW,
        },
        "SLA manager": {
            "performancemetric": VIEW,
            "performancebaseline": EDIT,
            "component": EDIT,
            "metricdefinition": EDIT,
            "minuterollup": VIEW,
            "probe": EDIT,
        },
        "Administrator": {
            "performancemetric": VIEW,
            "performancebaseline": (*EDIT, "delete"),
            "component": (*EDIT, "delete"),
            "metricdefinition": (*EDIT, "delete"),
            "minuterollup": VIEW,
            "probe": (*EDIT, "delete"),
        },
    }
