"""A client: options, and an exporter unless they make it impossible."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiosmon_sdk.call import Call
from aiosmon_sdk.exporter import Exporter
from aiosmon_sdk.options import Options

log = logging.getLogger("aiosmon_sdk")

RATING_METRIC = "user_satisfaction"


class Client:
    """Sends rows to one portal under one service name. Off without URL and key."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._exporter = None if options.problem else Exporter(options)
        if options.problem:
            log.warning("metrics are not sent: %s", options.problem)

    @property
    def enabled(self) -> bool:
        """Whether rows go anywhere."""
        return self._exporter is not None

    def add(self, call: Call) -> None:
        """Queue a call whose ``ended`` is set."""
        if self._exporter is not None:
            self._exporter.add(call)

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
        if self._exporter is None:
            return
        call = Call(metric_name, category, component)
        call.value, call.unit, call.timestamp = value, unit, timestamp
        call.set(**fields)
        call.ended = time.perf_counter()
        self._exporter.add(call)

    def rate(
        self,
        request_id: str,
        score: float,
        *,
        client: str | None = None,
        component: str | None = None,
        complexity: str | None = None,
        models: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a user's rating (1–5) of the answer to a request; it may come days later.

        A score outside of 1–5 is dropped and counted.
        """
        self.record(
            RATING_METRIC,
            # An impossible value makes the encoder refuse the row and count it.
            score if _is_rating(score) else float("nan"),
            unit="score",
            category="user_feedback",
            component=component,
            request_id=request_id,
            satisfaction=score,
            client=client,
            complexity=complexity,
            models=models,
            metadata=metadata,
        )

    def flush(self, timeout: float = 5.0) -> bool:
        """Send what is queued; True when nothing of it is left. Blocks up to ``timeout`` s."""
        return self._exporter is None or self._exporter.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Flush and end; default: within ``exit_seconds``. Rows added later are dropped."""
        if self._exporter is not None:
            self._exporter.close(self.options.exit_seconds if timeout is None else timeout)

    def stats(self) -> dict[str, int]:
        """Rows sent, rejected, dropped and queued, batches retried, fields clipped."""
        return {} if self._exporter is None else self._exporter.stats()


def _is_rating(score: object) -> bool:
    return isinstance(score, (int, float)) and 1 <= score <= 5
