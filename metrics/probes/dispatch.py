"""Which probes are due, who runs them, and what came of it.

The dispatcher claims due probes by one conditional UPDATE and hands their ids
on; the worker checks the claim again before it calls anything. A claim is a
lease: when its worker dies, the probe is due again after it. While a target
hangs, its claim keeps further runs from piling up.
"""

import asyncio
import uuid
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.models import Probe
from metrics.probes.base import PLATFORM_COMPONENT
from metrics.probes.runner import Outcome, run, spec_of, storable
from metrics.units import Unit

# How long a claimed run may wait for a free worker (seconds).
QUEUE_SECONDS = 15
BATCH = 200
# A longer gap means that the portal was off or the probe disabled, not that collection was late.
PAUSE = timedelta(minutes=10)
# A probe that someone made slower than this is not late against the specification's 30 s.
SLOWEST_SECONDS = 25

_CLAIM = """
UPDATE probes SET
    claim = gen_random_uuid(),
    claimed_until = now() + make_interval(secs => timeout_seconds + %s),
    -- From now, not from when it was due: after a pause no run is made up for.
    next_due_at = now() + make_interval(secs => interval_seconds)
WHERE id IN (
    SELECT id FROM probes
    WHERE enabled AND next_due_at <= now() AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY next_due_at LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING id, claim
"""


def claim_due() -> list[tuple[int, str]]:
    """Claim the probes that are due; return their ids with the claims."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [QUEUE_SECONDS, BATCH])
        return [(pk, str(claim)) for pk, claim in cursor.fetchall()]


def run_claimed(probe_id: int, claim: str) -> bool:
    """Run one claimed probe and store its rows; False when the claim no longer holds."""
    probe = Probe.objects.filter(pk=probe_id, claim=uuid.UUID(claim), enabled=True).first()
    if probe is None or probe.claimed_until is None:
        return False
    spec, now = spec_of(probe), timezone.now()
    if probe.claimed_until < now + timedelta(seconds=spec.timeout):
        # It waited so long for a worker that the next claim could overlap with this run.
        return False
    # The time of a measurement is its start: so it lies in the minute that users felt it.
    outcome, rows = storable(spec, asyncio.run(run(spec)), now)
    prompt = probe.interval_seconds <= SLOWEST_SECONDS
    if prompt and probe.last_run_at is not None and now - probe.last_run_at < PAUSE:
        rows.append(_interval_row(probe, probe.last_run_at, now))
    store(rows, synthetic=True)
    _finish(probe, claim, outcome, now)
    return True


def _finish(probe: Probe, claim: str, outcome: Outcome, at: datetime) -> None:
    """Give the claim back; a run whose lease has passed on changes nothing."""
    Probe.objects.filter(pk=probe.pk, claim=uuid.UUID(claim)).update(
        claim=None,
        claimed_until=None,
        last_run_at=at,
        last_outcome=Probe.Outcome.FAILED if outcome.error else Probe.Outcome.OK,
        last_value=outcome.samples[0].value,
        last_error=outcome.error,
    )


def _interval_row(probe: Probe, last: datetime, now: datetime) -> Row:
    """How long the probe's last collection is past: held against the specification's 30 s."""
    return Row(
        metric_name="metric_collection_interval",
        metric_category="system_health",
        metric_value=(now - last).total_seconds(),
        measurement_unit=Unit.SECONDS,
        component=PLATFORM_COMPONENT,
        service_name=probe.service_name,
        client_id=probe.client_id,
        timestamp=now,
        metadata={"probe": probe.name, "configured_seconds": probe.interval_seconds},
    )
