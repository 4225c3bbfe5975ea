"""What rows may refer to: clients, components, known metrics. Small, asked at every row.

Kept in the process for a few seconds. A name that is missing is looked up
afresh before it is refused, so that a client made a moment ago is known.
"""

import threading
import time
from dataclasses import dataclass

from accounts.models import PLATFORM, Client
from metrics.models import Component, MetricDefinition
from metrics.units import Unit

LIFETIME_SECONDS = 5.0
# A stream of wrong names must not become a stream of queries.
REFRESH_SECONDS = 1.0
MOST_CHECKED = 10_000
UNITS = frozenset(Unit.values)


@dataclass(frozen=True)
class Reference:
    """One look at the small tables."""

    ids: dict[str, int]
    active: frozenset[int]
    components: frozenset[str]
    units: dict[str, str]
    loaded_at: float
    # (component, metric, unit) found to fit: asked at every row, answered once.
    checked: set[tuple[str, str, str]]

    def remember(self, names: tuple[str, str, str]) -> None:
        """Keep a combination that fits; bounded, since emitters choose metric names freely."""
        if len(self.checked) < MOST_CHECKED:
            self.checked.add(names)

    @property
    def platform_id(self) -> int:
        """The client that owns what belongs to no customer."""
        return self.ids[PLATFORM]


_lock = threading.Lock()
_kept: Reference | None = None
_refreshed_at = 0.0


def current() -> Reference:
    """The reference, loaded anew when the kept one is too old."""
    global _kept  # one per process, behind a lock
    with _lock:
        if _kept is None or time.monotonic() - _kept.loaded_at > LIFETIME_SECONDS:
            _kept = _load()
        return _kept


def refreshed() -> Reference:
    """The reference, asked for because something was not found in it."""
    global _kept, _refreshed_at
    with _lock:
        if _kept is None or time.monotonic() - _refreshed_at > REFRESH_SECONDS:
            _kept, _refreshed_at = _load(), time.monotonic()
        return _kept


def forget() -> None:
    """Drop what is kept (after the tables changed under it, as in tests)."""
    global _kept, _refreshed_at
    with _lock:
        _kept, _refreshed_at = None, 0.0


def _load() -> Reference:
    clients = list(Client.objects.values_list("code", "id", "active"))
    return Reference(
        ids={code: pk for code, pk, _active in clients},
        active=frozenset(pk for _code, pk, active in clients if active),
        components=frozenset(Component.objects.values_list("code", flat=True)),
        units=dict(MetricDefinition.objects.values_list("name", "unit")),
        loaded_at=time.monotonic(),
        checked=set(),
    )
