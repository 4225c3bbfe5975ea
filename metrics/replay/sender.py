"""Sends metric rows as any service would: over HTTP, in batches, with retries that end."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from metrics.replay.trace import Row

PATH = "/api/v1/metrics/"
TIMEOUT_SECONDS = 30.0
TRIES = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
# A server that asks for more than this is better tried again by a person.
LONGEST_RETRY_AFTER_SECONDS = 300.0
REJECTIONS_KEPT = 5
# Rows that become due within a second share a request.
LIVE_TICK_SECONDS = 1.0
# Clocks get set and machines suspended: look at the time again this often.
LONGEST_SLEEP_SECONDS = 60.0

_WORTH_RETRYING = {429, 502, 503, 504}
# Then the request was never sent: repeating it can't store rows twice.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class SendError(Exception):
    """Rows can't be sent; the message says why and what to do."""


class Sender:
    """One connection to a portal, and what came of the rows sent over it.

    Delivery is at least once: a batch whose answer got lost is sent again, and
    ``perhaps_twice`` counts its rows.
    """

    def __init__(self, url: str, key: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.stored = 0
        self.rejected = 0
        self.perhaps_twice = 0
        self.rejections: list[dict[str, Any]] = []  # the first few
        self._endpoint = url.rstrip("/") + PATH
        self._sleep = sleep
        self._http = httpx.Client(
            timeout=TIMEOUT_SECONDS, headers={"Authorization": f"Bearer {key}"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def send(self, rows: Sequence[Row]) -> None:
        """Have the rows committed or rejected by name; both are counted.

        Raises SendError after TRIES attempts, or at once for an answer that a
        repeat would not change.
        """
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._http.post(self._endpoint, json=rows)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
                asked, was_sent = 0.0, not isinstance(error, _NOT_SENT)
            else:
                if answer.status_code not in _WORTH_RETRYING:
                    self._settle(answer)
                    return
                problem = f"it answers {answer.status_code}"
                asked, was_sent = retry_after(answer), answer.status_code in {502, 504}
            if attempt == TRIES or asked > LONGEST_RETRY_AFTER_SECONDS:
                break
            self.perhaps_twice += len(rows) if was_sent else 0
            self._sleep(max(asked, _pause(attempt)))
        raise SendError(
            f"{self._endpoint} can't take rows, tried {attempt} times: {problem}. "
            "Is the portal running there?"
        )

    def _settle(self, answer: httpx.Response) -> None:
        """Count what was stored and rejected; SendError for any other answer."""
        body = _object(answer)
        if answer.status_code not in {201, 207, 400} or "stored" not in body:
            raise SendError(f"{self._endpoint} answers {answer.status_code}: {_why(answer, body)}")
        self.stored += body["stored"]
        self.rejected += body["rejected"]
        room = REJECTIONS_KEPT - len(self.rejections)
        self.rejections += body["rejections"][:room]


def retry_after(answer: httpx.Response) -> float:
    """The seconds that an answer asks to wait, given as such or as a date; 0 when it asks none."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until: datetime = parsedate_to_datetime(text)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return 0.0


def batches(
    rows: Sequence[tuple[datetime, Row]], size: int
) -> Iterator[Sequence[tuple[datetime, Row]]]:
    """The rows in lots of ``size``, as fast as they are asked for."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def live_batches(
    rows: Sequence[tuple[datetime, Row]],
    size: int,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Sequence[tuple[datetime, Row]]]:
    """The rows, each once its time has come, in lots of at most ``size``."""
    start = 0
    while start < len(rows):
        now, stop = clock(), start
        while stop < len(rows) and stop - start < size and rows[stop][0] <= now:
            stop += 1
        if stop > start:
            yield rows[start:stop]
        if stop < len(rows) and stop - start < size:
            ahead = (rows[stop][0] - clock()).total_seconds()
            least = LIVE_TICK_SECONDS if stop > start else 0.0
            sleep(min(max(ahead, least), LONGEST_SLEEP_SECONDS))
        start = stop


def _pause(attempt: int) -> float:
    """Exponential, with jitter so that clients stopped together don't come back together."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311  # no secret


def _why(answer: httpx.Response, body: dict[str, Any]) -> str:
    """The portal's own error, or the beginning of what another server says."""
    error = body.get("error")
    if isinstance(error, dict):
        return " ".join(str(error.get(name, "")) for name in ("field", "problem", "fix"))
    return answer.text[:200] or answer.reason_phrase


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
