"""The parts of the portal that must never stop, and when each was last proven to work.

Each proves itself by a row of its own that it keeps fresh: beat by ticking, each
worker by a task that beat sends to its queue, evaluation and delivery by completing
a pass. What is stale is said by /readyz, by the front page and by an alert.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.signals import task_success
from django.conf import settings
from django.utils import timezone

from aiosmon.models import Heartbeat

# Passes may be nudged many times a second: their proof is not written as often.
LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class Part:
    """One part; ``hint`` is what to look at first when it is silent."""

    name: str
    label: str
    hint: str


PARTS = (
    Part("beat", "Scheduler", "is Celery beat running?"),
    Part("worker", "Worker", "is the worker of the queue “celery” running, and not busy?"),
    Part("probes", "Probe worker", "is the worker of the queue “probes” running?"),
    Part("evaluation", "Evaluation", "is its schedule enabled, and is a pass hanging?"),
    Part("delivery", "Delivery", "is the worker of the queue “delivery” running?"),
)
# Tasks whose completion proves something; their names are their own.
PASSES = {
    "alerts.tasks.evaluate": "evaluation",
    "alerts.tasks.deliver": "delivery",
    "metrics.tasks.roll_up": "roll_up",
}
_written: dict[str, float] = {}


def beat(name: str) -> None:
    """Record that this part works now."""
    row = Heartbeat(name=name, seen_at=timezone.now())
    Heartbeat.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["name"], update_fields=["seen_at"]
    )


@task_success.connect
def on_success(sender: Any = None, result: Any = None, **_: Any) -> None:
    """A pass is complete. One that stepped back for another (None) proves nothing."""
    name = PASSES.get(getattr(sender, "name", ""))
    if name is None or result is None:
        return
    now = time.monotonic()
    if now - _written.get(name, -LEAST_SECONDS) >= LEAST_SECONDS:
        beat(name)
        _written[name] = now


def seen() -> dict[str, datetime]:
    """When each part was last known to work."""
    return dict(Heartbeat.objects.values_list("name", "seen_at"))


def problem(part: Part, at: datetime | None, now: datetime) -> str:
    """What is wrong with a part that was last seen at ``at``; empty when nothing is."""
    if at is None:
        return f"No heartbeat yet: {part.hint}"
    if is_stale(at, now):
        return f"The last heartbeat is {int((now - at).total_seconds())} s old: {part.hint}"
    return ""


def is_stale(at: datetime, now: datetime) -> bool:
    """Whether a heartbeat is too old."""
    return now - at > timedelta(seconds=settings.HEARTBEAT_MAX_AGE_SECONDS)


def problems(found: Mapping[str, datetime], now: datetime) -> dict[str, str]:
    """What is wrong with each part; empty texts for those that work."""
    return {part.name: problem(part, found.get(part.name), now) for part in PARTS}
