"""Bringing one batch to the portal: what each answer means, and how long to wait after it."""

from __future__ import annotations

import gzip
import http.client
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiosmon_sdk.options import Kind, Options
from aiosmon_sdk.transport import Answer, Transport

log = logging.getLogger("aiosmon_sdk")

FIRST_PAUSE_SECONDS = 0.5
# Not an outage but a wrong key, scope or address: only a person mends that, so ask rarely.
MISCONFIGURED_PAUSE_SECONDS = 30.0
_MOST_REASONS = 200
_FASTEST_GZIP = 1
_WORTH_RETRYING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}


@dataclass
class Batch:
    """Encoded rows; ``oldest`` on the clock of perf_counter.

    ``reported`` > 0: the last row is the SDK's own, and reports that many drops.
    """

    rows: list[str] = field(default_factory=list)
    oldest: float = 0.0
    reported: int = 0

    @property
    def size(self) -> int:
        """The service's rows, without the SDK's own."""
        return len(self.rows) - bool(self.reported)

    def halves(self) -> tuple[Batch, Batch]:
        """The same rows in two batches."""
        middle = len(self.rows) // 2
        return (
            Batch(self.rows[:middle], self.oldest),
            Batch(self.rows[middle:], self.oldest, self.reported),
        )


@dataclass
class Outcome:
    """How a batch ended: rows stored, refused by the portal, given up as too old.

    ``reported``: the drops that the portal now knows of.
    """

    sent: int = 0
    rejected: int = 0
    expired: int = 0
    reported: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.sent + other.sent,
            self.rejected + other.rejected,
            self.expired + other.expired,
            self.reported + other.reported,
        )


class Told:
    """Logs each reason once; a flood of different ones ends too."""

    def __init__(self) -> None:
        self._reasons: set[str] = set()

    def once(self, level: int, reason: str, text: str) -> None:
        """Log ``text`` unless this reason has been logged before."""
        if reason not in self._reasons and len(self._reasons) < _MOST_REASONS:
            self._reasons.add(reason)
            log.log(level, "%s", text)

    def again(self, reason: str) -> None:
        """What was logged under this reason is over: the next time is news."""
        self._reasons.discard(reason)


class Courier:
    """Delivers batches over one transport, with backoff that outlives a batch."""

    def __init__(
        self,
        options: Options,
        kind: Kind,
        told: Told,
        wait: Callable[[float, bool], None],
        hopeless: Callable[[Batch], bool],
    ) -> None:
        """``wait(seconds, asked)`` sleeps; ``asked``: by the portal, so not to be cut short."""
        self._options = options
        self._noun = kind.noun
        self._told = told
        self._wait = wait
        self._hopeless = hopeless
        self._transport = Transport(options, kind.path)
        self._gzip = options.gzip
        self._pause = FIRST_PAUSE_SECONDS
        self.retried = 0

    def deliver(self, batch: Batch) -> Outcome:
        """Send until the portal has decided on each row, or the batch is hopeless."""
        body = self._pack(batch)
        while True:
            answer = self._post(body)
            status = answer.status if answer else 0
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(batch.rows) > 1:
                first, second = batch.halves()
                return self.deliver(first) + self.deliver(second)
            if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE and self._gzip:
                self._gzip = False
                body = self._pack(batch)
            elif answer and _is_final(status):
                return self._settled(answer, batch)
            else:
                self._rest(answer)
                if self._hopeless(batch):
                    return Outcome(expired=batch.size)
                self.retried += 1

    def close(self) -> None:
        """Let the connection go."""
        self._transport.close()

    def _pack(self, batch: Batch) -> bytes:
        body = f"[{','.join(batch.rows)}]".encode()
        return gzip.compress(body, _FASTEST_GZIP) if self._gzip else body

    def _post(self, body: bytes) -> Answer | None:
        try:
            return self._transport.post(body, gzipped=self._gzip)
        except (OSError, http.client.HTTPException) as error:
            url, noun = self._options.url, self._noun
            text = f"the portal at {url} can't be reached ({error!r}); {noun} wait"
            self._told.once(logging.WARNING, "unreachable", text)
            return None

    def _settled(self, answer: Answer, batch: Batch) -> Outcome:
        self._pause = FIRST_PAUSE_SECONDS
        self._told.again("unreachable")
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
            return Outcome(sent=batch.size, reported=batch.reported)
        said = _parsed(answer.body)
        rejections = _listed(said)
        for item in rejections or [_error(said)]:
            self._tell(answer.status, item)
        rejected = batch.size
        if answer.status < HTTPStatus.BAD_REQUEST:
            rejected = _count_rejected(said, rejections, batch)
        # A drop row that was refused once would be refused again: it counts as reported.
        return Outcome(batch.size - rejected, rejected, reported=batch.reported)

    def _tell(self, status: int, item: dict[str, Any]) -> None:
        field_, problem, fix = (str(item.get(name, "")) for name in ("field", "problem", "fix"))
        reason = f"rejected {field_} {problem}"
        text = f"the portal refused {self._noun} (HTTP {status}): {field_}: {problem} {fix}"
        self._told.once(logging.WARNING, reason, text[:500])

    def _rest(self, answer: Answer | None) -> None:
        """Wait before the next attempt: as asked by the portal, or longer each time."""
        longest = self._options.longest_pause_seconds
        if answer and answer.retry_after is not None:
            self._wait(min(answer.retry_after, self._options.give_up_seconds), True)
            return
        if answer and not _is_passing(answer.status):
            text = (
                f"the portal answers {answer.status} to {self._options.url}: see that the URL is "
                "right and that the API key is valid and may send metrics; {self._noun} wait"
            )
            self._told.once(logging.ERROR, f"status {answer.status}", text)
            self._pause = max(self._pause, min(MISCONFIGURED_PAUSE_SECONDS, longest))
        # "Equal jitter": half of the pause is certain, so that attempts never pile up.
        self._wait(self._pause * random.uniform(0.5, 1), False)  # noqa: S311  # no secret
        self._pause = min(self._pause * 2, longest)


def _is_final(status: int) -> bool:
    """Whether the portal has decided: repeating the same body would change nothing."""
    too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    unsupported = status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return 200 <= status < 300 or status in _REFUSED or too_large or unsupported


def _is_passing(status: int) -> bool:
    return status >= 500 or status in _WORTH_RETRYING


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _listed(said: dict[str, Any]) -> list[dict[str, Any]]:
    listed = said.get("rejections")
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _error(said: dict[str, Any]) -> dict[str, Any]:
    error = said.get("error")
    return error if isinstance(error, dict) else {}


def _count_rejected(said: dict[str, Any], rejections: list[dict[str, Any]], batch: Batch) -> int:
    """How many of the service's rows were refused; the list may be shorter than the count."""
    count = said.get("rejected")
    rejected = count if isinstance(count, int) else len(rejections)
    if batch.reported:
        # The SDK's own row is the last, and none of the service's.
        rejected -= any(item.get("index") == len(batch.rows) - 1 for item in rejections)
    return min(max(rejected, 0), batch.size)
