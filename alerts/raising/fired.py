"""PURE: the rule that fired, as evidence keeps it."""

import math
from datetime import timedelta
from typing import Any

from slas.budget import Counts
from slas.burning import Burn


def of(burn: Burn | None) -> dict[str, Any] | None:
    """The rule with what it saw in both windows (seconds, events); None without one."""
    if burn is None:
        return None
    rates = [None if rate is None or math.isinf(rate) else rate for rate in burn.rates()]
    return {
        "rule": burn.rule.name,
        "pages": burn.rule.pages,
        "threshold": burn.rule.burn,
        "hold": burn.rule.hold.total_seconds(),
        "long": _seen(burn.rule.long, burn.long, rates[0]),
        "short": _seen(burn.rule.short, burn.short, rates[1]),
    }


def name(burn: Burn | None) -> str:
    """The rule's name; empty without one."""
    return burn.rule.name if burn else ""


def _seen(window: timedelta, counts: Counts, burn: float | None) -> dict[str, Any]:
    # No JSON holds infinity: where nothing may be bad there is no burn rate.
    return {
        "seconds": window.total_seconds(),
        "burn": burn,
        "bad": counts.bad,
        "total": counts.total,
    }
