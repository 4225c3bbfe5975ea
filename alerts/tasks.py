"""Tasks over promises, alerts and notifications. Thin: each calls the module that has the rule."""

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from alerts.delivery import escalation, routing, sending
from alerts.raising import pipeline
from alerts.receiving import store
from alerts.triage import lifecycle, settling


@shared_task
def evaluate(*, news_alone: bool = False) -> dict[str, int] | None:
    """Judge every promise, or what came in alone, and bring the alerts in line.

    Only of a whole pass it says what was done: that proves that the evaluation works.
    """
    done = pipeline.run(news_alone=news_alone)
    return None if done is None or news_alone else done.counts()


@shared_task
def expire_external() -> int:
    """Resolve alerts of other systems that were not told again in time."""
    return store.expire(timezone.now())


@shared_task
def settle() -> dict[str, int] | None:
    """Fire, suppress, release and end what time does to alerts."""
    done = settling.settle()
    return None if done is None else asdict(done)


@shared_task
def expire_acknowledgements() -> int:
    """Let alerts fire again whose acknowledgement has ended."""
    return lifecycle.expire_acknowledgements(timezone.now())


@shared_task
def escalate() -> int:
    """Tell further people of alerts that nobody takes on."""
    return escalation.tick(timezone.now())


@shared_task
def deliver() -> int:
    """Decide whom new events tell, and hand each channel with something due to a thread."""
    routing.route_new_events()
    due = sending.channels_due()
    for channel_id in due[:-1]:
        send_channel.apply_async(args=(channel_id,), expires=sending.LEASE_MARGIN.total_seconds())
    # The one that works best here and now: it saves the way through the broker.
    for channel_id in due[-1:]:
        sending.send_due(channel_id)
    return len(due)


@shared_task
def send_channel(channel_id: int) -> int:
    """Send what is due on one channel."""
    return sending.send_due(channel_id)


@shared_task
def forget_notifications() -> int:
    """Remove notifications that are past their retention."""
    return sending.forget_old(timezone.now())
