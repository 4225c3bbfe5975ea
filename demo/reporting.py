"""Sends metric rows to the portal: in batches, bounded, with retries that end.

Delivery is at least once: a batch whose answer was lost on the way is sent again.
"""

import asyncio
import logging
import random
import time
from collections import deque
from typing import Any

import httpx

log = logging.getLogger("demo.reporting")

Row = dict[str, Any]

MAX_QUEUED = 10_000
BATCH_ROWS = 200
BATCH_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
ATTEMPTS = 8
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
FLUSH_SECONDS = 2.0
_WORTH_RETRYING = {429, 502, 503, 504}


class Reporter:
    """A bounded queue and the task that empties it. Without URL and key it drops all silently."""

    def __init__(self, url: str, key: str) -> None:
        self._enabled = bool(url and key)
        self._endpoint = f"{url}/api/v1/metrics/"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._rows: deque[Row] = deque()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self.dropped = 0
        self.sent = 0

    @property
    def queued(self) -> int:
        """Rows that wait to be sent."""
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Queue a row; when the queue is full the oldest goes, and is counted."""
        if not self._enabled:
            return
        if len(self._rows) >= MAX_QUEUED:
            self._rows.popleft()
            self._drop(1, "the queue is full")
        self._rows.append(row)
        self._wake.set()

    async def run(self) -> None:
        """Send until `close`; then send what is left and return."""
        if not self._enabled:
            return
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers=self._headers) as client:
            while self._rows or not self._closing.is_set():
                await self._wake.wait()
                await self._gather()
                size = min(BATCH_ROWS, len(self._rows))
                batch = [self._rows.popleft() for _ in range(size)]
                if not self._rows and not self._closing.is_set():
                    self._wake.clear()
                if batch:
                    await self._send(client, batch)

    def close(self) -> None:
        """Ask `run` to send what is queued, without waiting for full batches, and end."""
        self._closing.set()
        self._wake.set()

    async def _gather(self) -> None:
        """Give the batch BATCH_SECONDS to fill; less when it is full or we are closing."""
        deadline = time.monotonic() + BATCH_SECONDS
        while len(self._rows) < BATCH_ROWS and not self._closing.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            await self._pause(min(left, 0.1))

    async def _send(self, client: httpx.AsyncClient, batch: list[Row]) -> None:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            wanted = 0.0
            try:
                answer = await client.post(self._endpoint, json=batch)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code not in _WORTH_RETRYING:
                    self._settle(answer, len(batch))
                    return
                problem = f"HTTP {answer.status_code}"
                wanted = _retry_after(answer)
            log.warning("rows not sent (attempt %d of %d): %s", attempt, ATTEMPTS, problem)
            if attempt < ATTEMPTS:
                await self._pause(max(wanted, pause * random.uniform(0.5, 1)))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._drop(len(batch), f"{ATTEMPTS} attempts failed")

    def _settle(self, answer: httpx.Response, rows: int) -> None:
        """An answer that a retry would not change: count it, and show why rows were refused."""
        if answer.status_code == 207:
            log.warning("the portal refused some of %d rows: %s", rows, answer.text[:500])
        elif not answer.is_success:
            reason = f"the portal answered {answer.status_code}: {answer.text[:500]}"
            self._drop(rows, reason)
            return
        self.sent += rows

    def _drop(self, rows: int, reason: str) -> None:
        self.dropped += rows
        # A full queue drops a row a request: only the first of each thousand is worth a line.
        if rows > 1 or self.dropped % 1000 == 1:
            log.warning("rows dropped, %d in all: %s", self.dropped, reason)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until `close`."""
        if self._closing.is_set():
            # When closing, retries go on at a short pace: the flush deadline is near anyway.
            await asyncio.sleep(min(seconds, 0.2))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return


def _retry_after(answer: httpx.Response) -> float:
    """The seconds the portal asks us to wait, at most LONGEST_PAUSE_SECONDS; 0 if it says none."""
    raw = answer.headers.get("Retry-After", "")
    return min(float(raw), LONGEST_PAUSE_SECONDS) if raw.isdecimal() else 0.0
