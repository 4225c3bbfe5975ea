"""One decision over many alerts: each in a transaction of its own, each refused by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from alerts.models import Alert
from alerts.triage.lifecycle import Refused

# What one request may hold up the portal with.
MOST = 200


@dataclass
class Outcome:
    """What became of each."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)  # alert → why


def carry_out(
    seen: Iterable[tuple[int, int]], visible: set[int], act: Callable[[int, int], Alert]
) -> Outcome:
    """Call ``act(alert, version)`` for each pair that was seen.

    One that is refused holds up no other. An alert outside ``visible`` is refused
    as one that does not exist: that there is one is nobody's business.
    """
    outcome = Outcome()
    for alert_id, version in seen:
        if alert_id not in visible:
            outcome.refused[alert_id] = f"Alert #{alert_id} no longer exists."
            continue
        try:
            act(alert_id, version)
        except Refused as refused:
            outcome.refused[alert_id] = str(refused)
        else:
            outcome.done.append(alert_id)
    return outcome
