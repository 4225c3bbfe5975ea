"""The promises: SLAs, model targets, resource limits, and verdicts on them."""

from django.apps import AppConfig

VIEW = ("view",)
EDIT = ("view", "add", "change")


class SlasConfig(AppConfig):
    """What was promised, and whether it is kept."""

    name = "slas"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Promises"
    role_permissions = {
        "Viewer": {"sla": VIEW, "modeltarget": VIEW, "resourcelimit": VIEW, "verdict": VIEW},
        "Responder": {"sla": VIEW, "modeltarget": VIEW, "resourcelimit": VIEW, "verdict": VIEW},
        "SLA manager": {
            "sla": (*EDIT, "delete"),
            "modeltarget": (*EDIT, "delete"),
            "resourcelimit": (*EDIT, "delete"),
            "verdict": VIEW,
        },
        "Administrator": {
            "sla": (*EDIT, "delete"),
            "modeltarget": (*EDIT, "delete"),
            "resourcelimit": (*EDIT, "delete"),
            "verdict": VIEW,
        },
    }
