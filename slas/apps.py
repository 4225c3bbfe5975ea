"""The promises: SLAs, model targets, resource limits, and verdicts on them."""

from django.apps import AppConfig

VIEW = ("view",)
EDIT = ("view", "add", "change")
COUNTED = dict.fromkeys(("verdict", "slo", "sloversion", "sliminute", "slihour"), VIEW)


class SlasConfig(AppConfig):
    """What was promised, and whether it is kept."""

    name = "slas"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Promises"
    role_permissions = {
        "Viewer": {"sla": VIEW, "modeltarget": VIEW, "resourcelimit": VIEW, **COUNTED},
        "Responder": {"sla": VIEW, "modeltarget": VIEW, "resourcelimit": VIEW, **COUNTED},
        "SLA manager": {
            "sla": (*EDIT, "delete"),
            "modeltarget": (*EDIT, "delete"),
            "resourcelimit": (*EDIT, "delete"),
            **COUNTED,
        },
        "Administrator": {
            "sla": (*EDIT, "delete"),
            "modeltarget": (*EDIT, "delete"),
            "resourcelimit": (*EDIT, "delete"),
            **COUNTED,
        },
    }
