"""The portal's own measurements: how each probe's last run went."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Count, IntegerField, Value, When
from django.urls import reverse

from accounts import visibility
from accounts.models import User
from metrics import formats
from metrics.admin.probes import result
from metrics.models import Probe

MOST = 12
_LEVELS: dict[str, str] = {
    Probe.Outcome.OK: "ok",
    Probe.Outcome.FAILED: "breach",
    Probe.Outcome.NEVER: "none",
}
_FAILED_FIRST = Case(
    When(last_outcome=Probe.Outcome.FAILED, then=Value(0)),
    default=Value(1),
    output_field=IntegerField(),
)


@dataclass(frozen=True)
class Item:
    """One probe."""

    name: str
    url: str
    level: str
    word: str
    result: str
    ago: str


@dataclass(frozen=True)
class Probes:
    """The panel: enabled probes, failed ones first."""

    ok: int
    failed: int
    waiting: int
    items: list[Item]
    list_url: str

    @property
    def total(self) -> int:
        """All enabled probes."""
        return self.ok + self.failed + self.waiting


def panel(user: User | AnonymousUser, now: datetime) -> Probes:
    """The enabled probes of the clients this person may see, in two queries."""
    visible = visibility.limit(Probe.objects.filter(enabled=True), user)
    grouped = visible.order_by().values_list("last_outcome").annotate(Count("pk"))
    counts: Counter[str] = Counter(dict(grouped))
    return Probes(
        ok=counts[Probe.Outcome.OK],
        failed=counts[Probe.Outcome.FAILED],
        waiting=counts[Probe.Outcome.NEVER],
        items=[_item(probe, now) for probe in visible.order_by(_FAILED_FIRST, "name")[:MOST]],
        list_url=reverse("admin:metrics_probe_changelist"),
    )


def _item(probe: Probe, now: datetime) -> Item:
    return Item(
        name=probe.name,
        url=reverse("admin:metrics_probe_change", args=[probe.pk]),
        level=_LEVELS[probe.last_outcome],
        word=Probe.Outcome(probe.last_outcome).label,
        result=result(probe),
        ago=f"{formats.age(now - probe.last_run_at)} ago" if probe.last_run_at else "",
    )
