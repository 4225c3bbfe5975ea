"""The promises: SLAs, model targets, resource limits, and verdicts on them."""

from django.apps import AppConfig

VIEW = ("view",)
EDIT = ("view", "add", "change")
COUNTED = dict.fromkeys(("verdict", "slo", "sloversion", "sliminute", "slihour"), VIEW)
# Who requests an exclusion must not decide on it: see slas/exclusions.py.
ASK = {"exclusion": ("view", "add")}
DECIDE = {"exclusion": ("view", "add", "decide")}


class SlasConfig(AppConfig):
    """What was promised, and whether it is kept."""

    name = "slas"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Promises"
    role_permissions = {
        "Viewer": {
            "sla": VIEW,
            "modeltarget": VIEW,
            "burnrule": VIEW,
            "resourcelimit": VIEW,
            "exclusion": VIEW,
            "contract": VIEW,
            **COUNTED,
        },
        "Responder": {
            "sla": VIEW,
            "modeltarget": VIEW,
            "burnrule": VIEW,
            "resourcelimit": VIEW,
            "contract": VIEW,
            **ASK,
            **COUNTED,
        },
        "SLA manager": {
            "sla": (*EDIT, "delete"),
            "modeltarget": (*EDIT, "delete"),
            "burnrule": (*EDIT, "delete"),
            "resourcelimit": (*EDIT, "delete"),
            "contract": EDIT,
            **DECIDE,
            **COUNTED,
        },
        "Administrator": {
            "sla": (*EDIT, "delete"),
            "modeltarget": (*EDIT, "delete"),
            "burnrule": (*EDIT, "delete"),
            "resourcelimit": (*EDIT, "delete"),
            "contract": EDIT,
            **DECIDE,
            **COUNTED,
        },
    }
