"""Requests that have arrived and wait for the threads that store them, several at a time."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from metrics.ingest.faces import Answer, Incoming
from metrics.ingest.service import failed, receive

logger = logging.getLogger(__name__)

# A group is one transaction: large enough to share a commit, small enough to end soon.
GROUP_REQUESTS, GROUP_BYTES = 512, 512 * 1024


@dataclass(frozen=True)
class Waiting:
    """A request, and the event loop's promise of an answer."""

    request: Incoming
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Answer]"


class Lane:
    """A queue with writer threads, each of which takes whatever has gathered while it was at work.

    With ``linger`` (s) a writer waits so long at most until as many have come as the last time:
    senders that were answered together come again together, and the first of them should not be
    stored by itself while the others wait for that.
    """

    def __init__(self, name: str, writers: int, linger: float = 0.0) -> None:
        self._name, self._count, self._linger = name, writers, linger
        self._waiting: deque[Waiting] = deque()
        self._last = 0
        self._changed = threading.Condition()
        self._writers: list[threading.Thread] = []
        self._closed = False
        self.bytes = 0  # of the bodies that wait

    def add(self, waiting: Waiting, most: int) -> bool:
        """Let it wait to be stored; False when as many as ``most`` wait, or it is closed."""
        with self._changed:
            if self._closed or len(self._waiting) >= most:
                return False
            self._waiting.append(waiting)
            self.bytes += len(waiting.request.body)
            self._start_writers()
            self._changed.notify()
        return True

    def close(self, seconds: float) -> None:
        """Store what has arrived, and end the writers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._writers:
            thread.join(seconds)

    def _start_writers(self) -> None:
        self._writers = [thread for thread in self._writers if thread.is_alive()]
        while len(self._writers) < self._count:
            name = f"{self._name}-{len(self._writers)}"
            thread = threading.Thread(target=self._write, name=name, daemon=True)
            self._writers.append(thread)
            thread.start()

    def _write(self) -> None:
        while group := self._next_group():
            answers = _answers([waiting.request for waiting in group])
            for waiting, answer in zip(group, answers, strict=True):
                waiting.loop.call_soon_threadsafe(_resolve, waiting.answer, answer)
        connection.close()

    def _next_group(self) -> list[Waiting]:
        """Wait for requests; empty when the server ends and none is left."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            self._wait_for(lambda: self._closed or len(self._waiting) >= self._last)
            group: list[Waiting] = []
            size = 0
            while self._waiting and len(group) < GROUP_REQUESTS and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += len(group[-1].request.body)
            self.bytes -= size
            self._last = len(group)
            return group

    def _wait_for(self, enough: Callable[[], bool]) -> None:
        until = time.monotonic() + self._linger
        while not enough() and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)


def _answers(requests: list[Incoming]) -> list[Answer]:
    """One answer a request, whatever happens: a writer that died would leave senders waiting."""
    try:
        # The last group may have ended with PostgreSQL gone: start from a usable connection.
        connection.close_if_unusable_or_obsolete()
        return receive(requests)
    except Exception:
        logger.exception("a group of requests failed")
        return [failed(request) for request in requests]


def _resolve(future: "asyncio.Future[Answer]", answer: Answer) -> None:
    # A sender that went away has cancelled its future.
    if not future.done():
        future.set_result(answer)
