"""What is committed is told to the broker by a thread: commits only set a flag, nobody waits.

Beat's ticks find whatever a lost nudge did not tell.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

import redis
from django.conf import settings
from kombu.exceptions import OperationalError as BrokerError

logger = logging.getLogger(__name__)
# Told since when news waits (seconds since 1970); returns how long to wait before the next (s).
Tell = Callable[[float], float]


class Nudger:
    """One thread a process.

    ``setting`` names the task that is nudged; while that is empty nothing is told. ``start`` is
    called in the thread, for what it keeps to itself. After a failure the broker is left alone
    for ``pause`` seconds.
    """

    def __init__(self, name: str, setting: str, start: Callable[[], Tell], pause: float) -> None:
        self._name, self._setting, self._start, self._pause = name, setting, start, pause
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._since: float | None = None
        self._pid = 0

    def given(self) -> None:
        """Something has just been committed. Never blocks, never raises."""
        if not getattr(settings, self._setting):
            return
        with self._lock:
            if self._since is None:
                self._since = time.time()
            if self._pid != os.getpid():
                # A forked process has its parent's flag, but not its thread.
                self._pid, self._news = os.getpid(), threading.Event()
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._news.set()

    def _run(self) -> None:
        news, tell = self._news, self._start()
        while True:
            news.wait()
            news.clear()
            with self._lock:
                since, self._since = self._since, None
            if since is None:
                continue
            try:
                pause = tell(since)
            except (redis.RedisError, BrokerError, OSError) as error:
                logger.warning("the broker could not be told (%s): %s", self._name, error)
                pause = self._pause
            time.sleep(pause)
