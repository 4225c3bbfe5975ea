"""How the admin looks: title, colours, the sidebar by area."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

# (area, [(title, icon, admin view, permission)])
_AREAS: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    (
        "Now",
        [
            ("Overview", "monitor_heart", "admin:index", ""),
            ("Alerts", "notifications", "admin:alerts_alert_changelist", "alerts.view_alert"),
        ],
    ),
    (
        "Alerting",
        [
            (
                "Severity table",
                "crisis_alert",
                "admin:alerts_severityrule_changelist",
                "alerts.view_severityrule",
            ),
            ("Playbooks", "menu_book", "admin:alerts_playbook_changelist", "alerts.view_playbook"),
        ],
    ),
    (
        "Promises",
        [
            ("SLAs", "handshake", "admin:slas_sla_changelist", "slas.view_sla"),
            (
                "Model targets",
                "model_training",
                "admin:slas_modeltarget_changelist",
                "slas.view_modeltarget",
            ),
            (
                "Resource limits",
                "speed",
                "admin:slas_resourcelimit_changelist",
                "slas.view_resourcelimit",
            ),
            ("Alert rules", "rule", "admin:slas_burnrule_changelist", "slas.view_burnrule"),
            ("Contracts", "contract", "admin:slas_contract_changelist", "slas.view_contract"),
            ("Objectives", "flag", "admin:slas_slo_changelist", "slas.view_slo"),
            ("OpenSLO", "swap_horiz", "openslo", "slas.view_sla"),
            ("Reports", "description", "slas_report", "slas.view_slo"),
            (
                "Exclusions",
                "event_busy",
                "admin:slas_exclusion_changelist",
                "slas.view_exclusion",
            ),
            ("Verdicts", "gavel", "admin:slas_verdict_changelist", "slas.view_verdict"),
        ],
    ),
    (
        "Facts",
        [
            (
                "Metric rows",
                "database",
                "admin:metrics_performancemetric_changelist",
                "metrics.view_performancemetric",
            ),
            (
                "Minute roll-ups",
                "bar_chart",
                "admin:metrics_minuterollup_changelist",
                "metrics.view_minuterollup",
            ),
            (
                "Histogram points",
                "stacked_bar_chart",
                "admin:metrics_histogrampoint_changelist",
                "metrics.view_histogrampoint",
            ),
            (
                "Cumulative series",
                "trending_up",
                "admin:metrics_otlpseries_changelist",
                "metrics.view_otlpseries",
            ),
            (
                "Baselines",
                "straighten",
                "admin:metrics_performancebaseline_changelist",
                "metrics.view_performancebaseline",
            ),
            (
                "Feedback",
                "thumbs_up_down",
                "admin:metrics_feedback_changelist",
                "metrics.view_feedback",
            ),
            (
                "Deployments",
                "rocket_launch",
                "admin:metrics_deployment_changelist",
                "metrics.view_deployment",
            ),
            (
                "Ingestion health",
                "monitoring",
                "admin:metrics_intake_health",
                "metrics.view_intakeminute",
            ),
            (
                "Reporting services",
                "cell_tower",
                "admin:metrics_emitter_changelist",
                "metrics.view_emitter",
            ),
            ("Probes", "network_ping", "admin:metrics_probe_changelist", "metrics.view_probe"),
            (
                "Metrics",
                "menu_book",
                "admin:metrics_metricdefinition_changelist",
                "metrics.view_metricdefinition",
            ),
            (
                "Components",
                "account_tree",
                "admin:metrics_component_changelist",
                "metrics.view_component",
            ),
            (
                "OTLP names",
                "translate",
                "admin:metrics_otlpalias_changelist",
                "metrics.view_otlpalias",
            ),
            (
                "Component rules",
                "rule",
                "admin:metrics_componentrule_changelist",
                "metrics.view_componentrule",
            ),
        ],
    ),
    (
        "People and keys",
        [
            ("Clients", "apartment", "admin:accounts_client_changelist", "accounts.view_client"),
            ("Teams", "groups", "admin:accounts_team_changelist", "accounts.view_team"),
            ("Users", "person", "admin:accounts_user_changelist", "accounts.view_user"),
            ("Roles", "badge", "admin:auth_group_changelist", "auth.view_group"),
            ("API keys", "key", "admin:accounts_apikey_changelist", "accounts.view_apikey"),
            ("API documentation", "api", "api_docs", ""),
        ],
    ),
    (
        "Schedules",
        [
            (
                "Periodic tasks",
                "schedule",
                "admin:django_celery_beat_periodictask_changelist",
                "django_celery_beat.view_periodictask",
            ),
            (
                "Intervals",
                "timer",
                "admin:django_celery_beat_intervalschedule_changelist",
                "django_celery_beat.view_intervalschedule",
            ),
        ],
    ),
]


def unfold_settings() -> dict[str, Any]:
    """The value of ``UNFOLD``."""
    return {
        "SITE_TITLE": "AIOSMON",
        "SITE_HEADER": "AIOSMON",
        "SITE_SUBHEADER": "Nervous system of your AI",
        "SITE_SYMBOL": "monitor_heart",
        "SITE_FAVICONS": [
            {
                "rel": "icon",
                "type": "image/svg+xml",
                "href": lambda _request: static("aiosmon/icon.svg"),
            }
        ],
        # There is no site beside the admin to return to.
        "SITE_URL": None,
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "DASHBOARD_CALLBACK": "aiosmon.dashboard.context",
        "STYLES": [lambda _request: static("aiosmon/portal.css")],
        "COLORS": {"primary": _TEAL},
        "SIDEBAR": {
            "show_search": False,
            "show_all_applications": False,
            "navigation": [_area(title, items) for title, items in _AREAS],
        },
    }


_TEAL = {
    "50": "oklch(98.4% .014 180.72)",
    "100": "oklch(95.3% .051 180.801)",
    "200": "oklch(91% .096 180.426)",
    "300": "oklch(85.5% .138 181.071)",
    "400": "oklch(77.7% .152 181.912)",
    "500": "oklch(70.4% .14 182.503)",
    "600": "oklch(60% .118 184.704)",
    "700": "oklch(51.1% .096 186.391)",
    "800": "oklch(43.7% .078 188.216)",
    "900": "oklch(38.6% .063 188.416)",
    "950": "oklch(27.7% .046 192.524)",
}


def _area(title: str, items: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    return {
        "title": title,
        "separator": title != _AREAS[0][0],
        "items": [
            {
                "title": name,
                "icon": icon,
                "link": reverse_lazy(view),
                "permission": _allows(permission),
            }
            for name, icon, view, permission in items
        ],
    }


def _allows(permission: str) -> Any:
    return lambda request: not permission or request.user.has_perm(permission)
