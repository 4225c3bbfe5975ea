"""A client: options, and an exporter unless they make it impossible."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiosmon_sdk.call import Call
from aiosmon_sdk.exporter import Exporter
from aiosmon_sdk.options import VOTES, Options
from aiosmon_sdk.votes import Vote

log = logging.getLogger("aiosmon_sdk")

LOST_VOTES_METRIC = "sdk_votes_dropped"


def _ignore(_call: Call) -> None:
    """Without URL and key nothing is sent."""


class Client:
    """Sends rows to one portal under one service name. Off without URL and key."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._rows: Exporter | None = None
        self._votes: Exporter | None = None
        #: Queue a call whose ``ended`` is set.
        self.add: Callable[[Call], None] = _ignore
        #: Whether rows go anywhere.
        self.enabled = not options.problem
        if self.enabled:
            self._rows = Exporter(options)
            self._votes = Exporter(options, VOTES, self._report_lost_votes)
            self.add = self._rows.add
        else:
            log.warning("metrics are not sent: %s", options.problem)

    @property
    def _exporters(self) -> list[Exporter]:
        return [one for one in (self._votes, self._rows) if one is not None]

    def record(
        self,
        metric_name: str,
        value: float,
        *,
        unit: str = "ms",
        category: str = "ai_query",
        component: str | None = None,
        timestamp: datetime | None = None,
        **fields: Any,
    ) -> None:
        """Send one measurement.

        ``fields`` are those of a Call: endpoint, client, request_id, complexity,
        models, satisfaction, user_id, success, metadata.
        """
        if self._rows is None:
            return
        call = Call(metric_name, category, component)
        call.value, call.unit, call.timestamp = value, unit, timestamp
        call.set(**fields)
        call.ended = time.perf_counter()
        self._rows.add(call)

    def rate(
        self,
        request_id: str,
        rating: float | str,
        *,
        correction: str | None = None,
        comment: str | None = None,
        client: str | None = None,
        user_id: int | None = None,
        submitted_at: datetime | None = None,
    ) -> None:
        """Send a person's rating of the answer to a request; it may come days later.

        ``rating`` is a number from 1 to 5, or "up" or "down"; another one is dropped and
        counted. The portal knows client, component, models and complexity by the request.
        """
        if self._votes is None:
            return
        fields = {
            "correction": correction,
            "comment": comment,
            "client": client,
            "user_id": user_id,
            "submitted_at": submitted_at,
        }
        self._votes.add(Vote(request_id, rating, fields))

    def _report_lost_votes(self, number: int, since_start: dict[str, int]) -> None:
        self.record(
            LOST_VOTES_METRIC,
            number,
            unit="count",
            category="system_health",
            metadata={"since_start": since_start},
        )

    def flush(self, timeout: float = 5.0) -> bool:
        """Send what is queued; True when nothing of it is left. Blocks up to ``timeout`` s."""
        deadline = self._hurry(timeout)
        # Votes first: those that are lost are reported by a row.
        left = [one.flush(max(0.0, deadline - time.perf_counter())) for one in self._exporters]
        return all(left)

    def close(self, timeout: float | None = None) -> None:
        """Flush and end; default: within ``exit_seconds``. Rows added later are dropped."""
        deadline = self._hurry(self.options.exit_seconds if timeout is None else timeout)
        for one in self._exporters:
            one.close(max(0.0, deadline - time.perf_counter()))

    def _hurry(self, timeout: float) -> float:
        """Rows and votes hurry at the same time: neither waits for the other. The deadline."""
        deadline = time.perf_counter() + timeout
        for one in self._exporters:
            one.hurry(deadline)
        return deadline

    def stats(self) -> dict[str, int]:
        """Rows sent, rejected, dropped and queued, batches retried, fields clipped.

        The same of votes, each name with ``votes_`` before it.
        """
        if self._rows is None or self._votes is None:
            return {}
        votes = {f"votes_{name}": number for name, number in self._votes.stats().items()}
        return {**self._rows.stats(), **votes}
