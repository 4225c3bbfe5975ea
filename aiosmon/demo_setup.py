"""The demo's clients and probes: made once, then the user's to edit or delete."""

from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q

from accounts.models import PLATFORM, Client
from metrics.models import Probe

CLIENTS = [
    ("acme", "Acme Manufacturing", Client.Tier.ENTERPRISE, "Europe/Berlin"),
    ("globex", "Globex Retail", Client.Tier.BUSINESS, "America/New_York"),
]
QUERY = "Team performance with risk assessment for the last sprint"
# One plausible request, in the features that demo/models.py fits each model on.
REQUEST = {
    "log_prompt_chars": 5.2,
    "max_tokens": 100.0,
    "temperature": 0.5,
    "is_instruct_babbage": 0.0,
    "is_davinci": 1.0,
    "is_jumbo": 0.0,
    "is_question_task": 1.0,
    "hour_sin": 0.5,
    "hour_cos": 0.87,
    "log_position_in_session": 1.6,
    "log_seconds_since_previous": 3.0,
}
WITH_LENGTH = {**REQUEST, "log_completion_chars": 4.3}
WORDING = {
    "words": 9.0,
    "characters": 57.0,
    "commas": 0.0,
    "conjunctions": 0.0,
    "comparisons": 0.0,
    "forecasts": 1.0,
    "advice": 0.0,
    "short_question": 0.0,
}
FEATURES = {
    "epic_trajectory_prediction": WITH_LENGTH,
    "story_complexity_estimation": REQUEST,
    "rework_risk_assessment": WITH_LENGTH,
    "query_complexity_classification": WORDING,
}


PREFIX = "Demo: "
# Where the supervisor runs the demo, and the name of its database for inference probes.
OF_THE_DEMO = Q(target__startswith="http://127.0.0.1:") | Q(target="demo")


def load_demo(demo_url: str) -> None:
    """Make the demo's clients, and one probe of each kind, unless they exist."""
    for code, name, tier, zone in CLIENTS:
        defaults = {"name": name, "tier": tier, "time_zone": zone}
        Client.objects.get_or_create(code=code, defaults=defaults)
    platform = Client.objects.get(code=PLATFORM)
    for name, fields in probes(demo_url.rstrip("/")).items():
        Probe.objects.get_or_create(name=name, defaults={**fields, "client": platform})


def follow_demo(demo_url: str) -> None:
    """The demo may listen on another port this time; a target of the user's own is left alone."""
    wanted = probes(demo_url.rstrip("/"))
    for probe in Probe.objects.filter(name__in=wanted):
        target = wanted[probe.name]["target"]
        was, now = urlsplit(probe.target), urlsplit(target)
        if was.hostname == now.hostname and was.path == now.path and was.netloc != now.netloc:
            Probe.objects.filter(pk=probe.pk).update(target=target)


def pause_demo() -> None:
    """Without the demo its probes would only fail: disable them. A person may enable them again."""
    Probe.objects.filter(OF_THE_DEMO, name__startswith=PREFIX, enabled=True).update(enabled=False)


def probes(url: str) -> dict[str, dict[str, Any]]:
    """One probe of every kind against the demo service at ``url``."""
    kind = Probe.Kind
    found: dict[str, dict[str, Any]] = {
        "Demo: conversational query": {
            "kind": kind.CONVERSATIONAL_QUERY,
            "target": f"{url}/api/ai/query",
            "payload": {"query": QUERY},
            "component": "cognitive_core",
            "interval_seconds": 10,
            "timeout_seconds": 30,
            "test_conditions": {"query_complexity": "moderate", "includes_ml": True},
        },
        "Demo: user feedback": {
            "kind": kind.USER_FEEDBACK,
            "target": f"{url}/api/ai/feedback",
            "payload": {"feedback": "correction", "userCorrection": "Count open issues only."},
            "component": "user_interface",
            "interval_seconds": 15,
            "timeout_seconds": 5,
            "test_conditions": {"feedback_type": "correction", "includes_retraining": False},
        },
        "Demo: embedding generation": {
            "kind": kind.EMBEDDING,
            "target": f"{url}/api/ai/embed",
            "payload": {"text_length": 500, "batch_size": 10},
            "component": "data_intelligence",
            "interval_seconds": 15,
            "timeout_seconds": 10,
            "test_conditions": {"text_length": 500, "batch_size": 10},
        },
        "Demo: AI terminal": {
            "kind": kind.PAGE_LOAD,
            "target": f"{url}/terminal",
            "payload": {},
            "component": "user_interface",
            "interval_seconds": 15,
            "timeout_seconds": 10,
            "test_conditions": {"component": "matrix_terminal", "initial_load": True},
        },
        "This machine: resources": {
            "kind": kind.SYSTEM_RESOURCES,
            "target": "",
            "payload": {},
            "component": "nervous_system",
            "interval_seconds": 15,
            "timeout_seconds": 10,
        },
    }
    for model, features in FEATURES.items():
        found[f"Demo: inference of {model}"] = {
            "kind": kind.ML_INFERENCE,
            "target": "demo",
            "payload": {"model_name": model, "features": features},
            "component": "cognitive_core",
            "interval_seconds": 20,
            "timeout_seconds": 5,
            "test_conditions": {"model_type": model, "feature_count": len(features)},
        }
    return found
