"""The burn-rate rule that raised an alert, as its evidence keeps it."""

import math
from datetime import timedelta
from typing import Any

from slas import recent
from slas.budget import Counts
from slas.compliance import Finding


def fired(finding: Finding) -> dict[str, Any] | None:
    """The rule that fires with what it saw in both windows (seconds, events); None without one.

    Its windows are whole minutes, their end not included; what is excluded does not count.
    """
    burn = finding.fired
    if burn is None:
        return None
    rates = [None if rate is None or math.isinf(rate) else rate for rate in burn.rates()]
    return {
        "rule": burn.rule.name,
        "pages": burn.rule.pages,
        "threshold": burn.rule.burn,
        "hold": burn.rule.hold.total_seconds(),
        "long": _seen(finding, burn.rule.long, burn.long, rates[0]),
        "short": _seen(finding, burn.rule.short, burn.short, rates[1]),
    }


def name(evidence: dict[str, Any]) -> str:
    """The rule that an evidence names; empty: none."""
    return str((evidence.get("fired") or {}).get("rule", ""))


def _seen(
    finding: Finding, window: timedelta, counts: Counts, burn: float | None
) -> dict[str, Any]:
    # No JSON holds infinity: where nothing may be bad there is no burn rate.
    return {
        "seconds": window.total_seconds(),
        "start": recent.start_of(window, finding.end).isoformat(),
        "end": recent.end_of(finding.end).isoformat(),
        "burn": burn,
        "bad": counts.bad,
        "total": counts.total,
    }
