"""One keep-alive connection to the portal."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from aiosmon_sdk.options import Options

# An answer lists at most a hundred rejections; more than this is not read.
MOST_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True)
class Answer:
    """What the portal said; ``retry_after`` in seconds, None when it named none."""

    status: int
    retry_after: float | None
    body: bytes


class Transport:
    """Posts bodies, one at a time; used by one thread."""

    def __init__(self, options: Options, path: str) -> None:
        parts = urlsplit(options.url)
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = parts.path.rstrip("/") + path
        self._timeout = options.timeout_seconds
        self._ca_file = options.ca_file
        self._headers = {
            "Authorization": f"Bearer {options.api_key}",
            "Content-Type": "application/json",
            "User-Agent": "aiosmon-sdk",
        }
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, *, gzipped: bool) -> Answer:
        """Send and read the answer. Raises OSError or HTTPException when there is none.

        A kept connection that the portal has closed meanwhile is no outage:
        it is tried once more on a new one.
        """
        headers = {**self._headers, "Content-Encoding": "gzip"} if gzipped else self._headers
        if self._connection is not None:
            with contextlib.suppress(
                ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest
            ):
                return self._exchange(self._connection, body, headers)
        return self._exchange(self._connect(), body, headers)

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
    ) -> Answer:
        try:
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            content = response.read(MOST_ANSWER_BYTES)
        except BaseException:
            self.close()
            raise
        if not response.isclosed() or response.will_close:
            self.close()
        return Answer(response.status, _seconds(response.headers.get("Retry-After")), content)

    def _connect(self) -> http.client.HTTPConnection:
        connection = self._new()
        connection.connect()
        # http.client sends head and body apart: with Nagle's algorithm the body would wait
        # for the acknowledgement of the head, which may be delayed by 40 ms.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        return connection

    def _new(self) -> http.client.HTTPConnection:
        if not self._https:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        context = ssl.create_default_context(cafile=self._ca_file)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout, context=context
        )


def _seconds(retry_after: str | None) -> float | None:
    """The header's seconds, or the time until its date; None when it says nothing usable."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
