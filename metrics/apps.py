"""The facts: rows, roll-ups, baselines, probes."""

from django.apps import AppConfig

VIEW = ("view",)
EDIT = ("view", "add", "change")
LONGER = dict.fromkeys(("hourrollup", "dayrollup", "metrichour"), VIEW)


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
            **LONGER,
            "histogrampoint": VIEW,
            "otlpseries": VIEW,
            "feedback": VIEW,
            "deployment": VIEW,
            "probe": VIEW,
            "otlpalias": VIEW,
            "componentrule": VIEW,
            "intakeminute": VIEW,
            "intakerejection": VIEW,
            "emitter": VIEW,
        },
        "Responder": {
            "performancemetric": VIEW,
            "performancebaseline": VIEW,
            "component": VIEW,
            "metricdefinition": VIEW,
            "minuterollup": VIEW,
            **LONGER,
            "histogrampoint": VIEW,
            "otlpseries": VIEW,
            "feedback": VIEW,
            "deployment": VIEW,
            "probe": VIEW,
            "otlpalias": VIEW,
            "componentrule": VIEW,
            "intakeminute": VIEW,
            "intakerejection": VIEW,
            "emitter": VIEW,
        },
        "SLA manager": {
            "performancemetric": VIEW,
            "performancebaseline": EDIT,
            "component": EDIT,
            "metricdefinition": EDIT,
            "minuterollup": VIEW,
            **LONGER,
            "histogrampoint": VIEW,
            "otlpseries": VIEW,
            "feedback": VIEW,
            "deployment": VIEW,
            "probe": EDIT,
            "otlpalias": EDIT,
            "componentrule": EDIT,
            "intakeminute": VIEW,
            "intakerejection": VIEW,
            "emitter": ("view", "change"),
        },
        "Administrator": {
            "performancemetric": VIEW,
            "performancebaseline": (*EDIT, "delete"),
            "component": (*EDIT, "delete"),
            "metricdefinition": (*EDIT, "delete"),
            "minuterollup": VIEW,
            **LONGER,
            "histogrampoint": VIEW,
            "otlpseries": VIEW,
            "feedback": VIEW,
            "deployment": VIEW,
            "probe": (*EDIT, "delete"),
            "otlpalias": (*EDIT, "delete"),
            "componentrule": (*EDIT, "delete"),
            "intakeminute": VIEW,
            "intakerejection": VIEW,
            "emitter": ("view", "change", "delete"),
            "idempotencykey": VIEW,
        },
    }
