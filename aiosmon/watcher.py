"""The web server watches the others: a thread that raises an alert when a part goes silent.

Beat and the workers can't tell that they have stopped; the web server, which they
don't depend on, can. Whether it runs itself is asked by whoever calls /readyz, and
noticed by the dead-man's switch.
"""

import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, close_old_connections, connection
from django.utils import timezone

from aiosmon import pulse
from alerts.raising import own

SECONDS = 5.0
# After a start: the heartbeats are still those of the last run.
GRACE_SECONDS = 60.0
_LOCK = 0x57415443  # several web servers: one looks at a time
logger = logging.getLogger(__name__)
Message = MutableMapping[str, Any]


def check(now: datetime) -> list[str]:
    """Open alerts for silent parts, resolve those of parts that work; what was changed.

    A part that was never seen is not installed, or its first start is under way.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return []
        try:
            return _check(now)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _check(now: datetime) -> list[str]:
    found, is_open, changed = pulse.seen(), own.open_parts(), []
    limit = timedelta(seconds=settings.HEARTBEAT_MAX_AGE_SECONDS)
    for part in pulse.PARTS:
        at = found.get(part.name)
        # As it should be: works without an alert, or is silent and has one.
        if at is None or pulse.is_stale(at, now) == (part.name in is_open):
            continue
        if part.name in is_open:
            done = own.report_life(part.name, part.label)
        else:
            done = own.report_silence(part.name, part.label, now - at, limit, part.hint)
        if done:
            changed.append(part.name)
    return changed


class Watcher:
    """The thread."""

    def __init__(self, grace: float = GRACE_SECONDS, seconds: float = SECONDS) -> None:
        self._grace, self._seconds = grace, seconds
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, after the grace."""
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; it holds no lock while it waits."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(self._seconds)

    def _run(self) -> None:
        looked = time.time()
        wait = self._grace
        while not self._over.wait(wait):
            # A machine that slept finds every heartbeat old: the parts get their time again.
            slept = time.time() - looked > self._grace + 2 * self._seconds
            wait = self._grace if slept else self._seconds
            looked = time.time()
            if not slept:
                self._look()
        connection.close()

    def _look(self) -> None:
        try:
            close_old_connections()
            for name in check(timezone.now()):
                logger.warning("watched part changed", extra={"part": name})
        except Error:
            # /readyz says that the database is gone; there is nowhere to store an alert.
            logger.warning("the watcher could not look", exc_info=True)
        except Exception:
            logger.exception("the watcher failed")


class Watched:
    """An ASGI application that has its watcher for as long as its server runs."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Serve; around the server's life, watch."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        watcher = Watcher()
        watcher.start()
        try:
            await self._app(scope, receive, send)
        finally:
            watcher.stop()
