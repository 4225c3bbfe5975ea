"""``/healthz``: the process answers. ``/readyz``: everything works that must never stop."""

import logging

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from redis.backoff import NoBackoff
from redis.retry import Retry

from aiosmon import pulse

TIMEOUT_SECONDS = 2.0
logger = logging.getLogger(__name__)


@require_GET
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process serves requests."""
    return JsonResponse({"status": "ok"})


@require_GET
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when database, broker and every part work, else 503; the body says which, the log why."""
    problems = {"database": database(), "broker": broker(), **parts()}
    ready = not any(problems.values())
    body = {
        "status": "ok" if ready else "unavailable",
        "checks": {name: text or "ok" for name, text in problems.items()},
    }
    return JsonResponse(body, status=200 if ready else 503)


def database() -> str:
    """What is wrong with the database; empty when nothing is."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        # Anyone may ask /readyz: addresses, users and the driver's words go to the log alone.
        logger.warning("/readyz: PostgreSQL does not answer: %s", error)
        return "PostgreSQL does not answer."
    return ""


def broker() -> str:
    """What is wrong with the broker; empty when nothing is."""
    client = redis.Redis.from_url(
        settings.REDIS_URL or settings.CELERY_BROKER_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        # The default backs off for seconds between its retries; whoever asks /readyz asks again.
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except redis.RedisError as error:
        logger.warning("/readyz: the broker does not answer: %s", error)
        return "The broker does not answer."
    finally:
        client.close()
    return ""


def parts() -> dict[str, str]:
    """What is wrong with beat, the workers and evaluation; empty texts for those that work."""
    try:
        return pulse.problems(pulse.seen(), timezone.now())
    except Error:
        unknown = "Unknown: the database does not answer."
        return {part.name: unknown for part in pulse.PARTS}
