"""Beat's tasks over the facts. Thin: each calls the module that has the rule."""

from celery import shared_task
from django.utils import timezone

from metrics import feedback, longer, nudge, partitions, rollups
from metrics.ingest import idempotency, tally
from metrics.otlp import series
from metrics.probes import dispatch


@shared_task
def dispatch_probes() -> int:
    """Claim the probes that are due and hand each to a worker."""
    due = dispatch.claim_due()
    for probe_id, claim in due:
        run_probe.apply_async(args=(probe_id, claim), expires=dispatch.QUEUE_SECONDS)
    return len(due)


@shared_task
def run_probe(probe_id: int, claim: str) -> bool:
    """Run one claimed probe."""
    return dispatch.run_claimed(probe_id, claim)


@shared_task
def roll_up() -> int:
    """Recompute the pending minutes, then the hours that are over."""
    partitions.analyze_grown()
    done = rollups.roll_up_at_leisure()
    if done:
        # Who judges what came in may have found these minutes taken.
        nudge.nudger.given()
    longer.roll_up_all(timezone.now())
    return done


@shared_task
def join_waiting() -> int:
    """Join votes whose request has come."""
    return feedback.join_waiting(timezone.now())


@shared_task
def maintain() -> dict[str, list[str] | int]:
    """Make and drop partitions; forget what is past its retention."""
    now = timezone.now()
    # What is forgotten by the minute is kept by the hour.
    longer.roll_up_all(now)
    return {
        **partitions.maintain(),
        "minutes_forgotten": rollups.forget_old(now),
        "hours_forgotten": longer.forget_old(now),
        "answers_forgotten": idempotency.forget_old(now),
        "points_forgotten": series.forget_old(now),
        "votes_forgotten": feedback.forget_old(now),
        "figures_forgotten": tally.forget_old(now),
    }
