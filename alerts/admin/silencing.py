"""From alerts to the form of a silence that would cover them; nothing is silenced here."""

import json
import re
from collections.abc import Iterable
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from alerts import matching
from alerts.matching import Matcher
from alerts.models import Alert

PERMISSION = "alerts.add_silence"
# What makes an alert this one, whoever it was told by; times and figures change.
_NAMES = ("alert_type", "alertname", "component", "objective", "client", "model")


def form_url() -> str:
    """Where a silence is made; "" where there is no such form."""
    try:
        return reverse("admin:alerts_silence_add")
    except NoReverseMatch:
        return ""


def prefilled(alerts: Iterable[Alert]) -> str:
    """The form's address with matchers that cover the alerts."""
    query = urlencode({"matchers": json.dumps(matchers(alerts), separators=(",", ":"))})
    return f"{form_url()}?{query}"


def matchers(alerts: Iterable[Alert]) -> list[Matcher]:
    """PURE: conditions that hold for all of the alerts, as narrow as matchers can be.

    They may hold for others too: the form's preview shows which.
    """
    facts = [matching.facts(alert) for alert in alerts]
    found: list[Matcher] = []
    for name in _NAMES:
        values = list(dict.fromkeys(one.get(name, "") for one in facts))
        if not values or "" in values:
            continue
        pattern = "|".join(re.escape(value) for value in values)
        if len(values) == 1:
            found.append(Matcher(name=name, op="=", value=values[0]))
        elif len(pattern) <= matching.LONGEST:
            found.append(Matcher(name=name, op="=~", value=pattern))
    return found
