"""Calling HTTP targets: only allowed hosts, no redirects, bounded time and size."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError

from metrics.probes.base import ProbeFailed, Spec

# By this a service can tell a probe from a customer's request, and not report it twice.
PROBE_HEADER = {"X-AIOSMON-Probe": "1", "User-Agent": "aiosmon-probe"}


@dataclass(frozen=True)
class Answer:
    """A complete answer with the time it took."""

    status: int
    body: bytes
    elapsed_ms: float
    path: str

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; ProbeFailed when it is none."""
        try:
            decoded = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = f"The answer is no JSON: {error}"
            raise ProbeFailed(reason, self.elapsed_ms, self.path) from error
        if not isinstance(decoded, dict):
            raise ProbeFailed("The answer is no JSON object.", self.elapsed_ms, self.path)
        return decoded


def check_url(url: str) -> None:
    """Raise ValidationError unless ``url`` is http(s) on an allowed host."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError({"target": "Write an http:// or https:// address."})
    if parts.username or parts.password:
        raise ValidationError({"target": "Leave user name and password out of the address."})
    if not _allowed(parts.hostname):
        raise ValidationError(
            {
                "target": f"“{parts.hostname}” is not among the hosts that probes may call "
                f"({', '.join(settings.PROBE_ALLOWED_HOSTS)}). "
                "An administrator can add it to AIOSMON_PROBE_ALLOWED_HOSTS."
            }
        )


def new_client(spec: Spec) -> httpx.AsyncClient:
    """A client for one run: nothing is taken from the environment, no redirect is followed."""
    return httpx.AsyncClient(
        timeout=spec.timeout, follow_redirects=False, trust_env=False, headers=PROBE_HEADER
    )


async def call(
    client: httpx.AsyncClient, method: str, url: str, payload: dict[str, Any] | None = None
) -> Answer:
    """Send one request and read the whole answer.

    Raises ValidationError for a host that is not allowed, ProbeFailed for a
    status other than 2xx or a body over PROBE_MAX_RESPONSE_BYTES, and
    httpx.HTTPError when there was no answer.
    """
    check_url(url)
    path = urlsplit(url).path or "/"
    started = time.perf_counter()
    async with client.stream(method, url, json=payload) as response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > settings.PROBE_MAX_RESPONSE_BYTES:
                limit = settings.PROBE_MAX_RESPONSE_BYTES
                raise ProbeFailed(f"The answer is over {limit} bytes.", _ms(started), path)
    elapsed = _ms(started)
    if not response.is_success:
        raise ProbeFailed(f"HTTP {response.status_code}", elapsed, path)
    return Answer(response.status_code, bytes(body), elapsed, path)


def _ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _allowed(host: str) -> bool:
    host = host.lower()
    for entry in settings.PROBE_ALLOWED_HOSTS:
        name = entry.lower().strip("[]")
        if host == name or (name.startswith(".") and host.endswith(name)):
            return True
    return False
