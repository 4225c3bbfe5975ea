"""The dead-man's switch: a ping to somebody outside, who raises the alarm when it stays away.

It is sent only when every part has been proven alive since the ping before, so
that whoever listens hears of what this portal can no longer tell: a dead machine,
a stopped evaluation, an outbox that nobody drains.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db.models import Q

from aiosmon import pulse
from aiosmon.models import DeadManPing

TIMEOUT_SECONDS = 10.0
LONGEST = 200  # of what is kept of an error


def ping(now: datetime) -> str:
    """Ping when it is time and everything is alive; what came of it, empty when not due.

    Two callers at once: the conditional UPDATE lets one of them try.
    """
    if not settings.DEADMAN_URL:
        return ""
    DeadManPing.objects.get_or_create(pk=1)
    due = now - timedelta(seconds=settings.DEADMAN_SECONDS)
    claimed = DeadManPing.objects.filter(Q(tried_at=None) | Q(tried_at__lte=due), pk=1).update(
        tried_at=now
    )
    if not claimed:
        return ""
    last = DeadManPing.objects.get(pk=1)
    silent = unproven(last.pinged_at, now)
    if silent:
        result = f"Held back: not proven alive since the last ping: {', '.join(silent)}"
        DeadManPing.objects.filter(pk=1).update(result=result[:LONGEST], held_back=True)
        return result
    # Outside any transaction: the other side may take its time.
    error = _send()
    changes = {"result": error[:LONGEST], "held_back": False}
    DeadManPing.objects.filter(pk=1).update(**changes, **({} if error else {"pinged_at": now}))
    return error or "Pinged"


def unproven(since: datetime | None, now: datetime) -> list[str]:
    """The labels of the parts that have not shown that they work since ``since``, or are stale."""
    found = pulse.seen()
    return list(_silent(pulse.PARTS, found, since, now))


def host() -> str:
    """Where pings go, as far as it may be shown: the path is the secret."""
    return urlsplit(settings.DEADMAN_URL).hostname or ""


def _silent(
    parts: Iterable[pulse.Part], found: dict[str, datetime], since: datetime | None, now: datetime
) -> Iterable[str]:
    for part in parts:
        at = found.get(part.name)
        if at is None or pulse.is_stale(at, now) or (since is not None and at <= since):
            yield part.label


def _send() -> str:
    try:
        answer = httpx.get(settings.DEADMAN_URL, timeout=TIMEOUT_SECONDS, follow_redirects=False)
    except httpx.HTTPError as error:
        # Its text may hold the URL, and with it the secret.
        return f"{type(error).__name__} from {host()}"
    return "" if answer.is_success else f"{host()} answered {answer.status_code}"
