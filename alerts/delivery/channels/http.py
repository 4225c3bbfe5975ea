"""One POST to a web-hook: to a permitted address, no redirects, within its time."""

import asyncio
import ssl
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import httpx

from alerts.delivery import targets
from alerts.delivery.channels.base import Answer, struck_out
from alerts.delivery.sealing import Secrets

READ_BYTES = 2048
TRY_AGAIN = frozenset({408, 425, 429})


def check(secrets: Secrets, _for_people: bool) -> None:
    """Raise ValueError unless the URL is one to POST to."""
    parts = urlsplit(secrets.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("Write a URL that begins with https:// (or http://) and a host.")
    if parts.username or parts.password:
        raise ValueError("Leave user and password out of the URL; give a token instead.")
    _ = parts.port


def post(url: str, body: bytes, headers: dict[str, str], timeout: float) -> Answer:
    """What the web-hook answers within ``timeout`` seconds. Raises targets.Refused.

    The connection goes to the address that was judged, while certificate and
    Host header stay the name's.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        address = targets.resolve(host, port)[0]
    except OSError as error:
        return Answer(False, f"{host} has no address: {error.strerror}.")
    pinned = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    at_address = urlunsplit((parts.scheme, pinned, parts.path or "/", parts.query, ""))
    request = httpx.Request(
        "POST",
        at_address,
        content=body,
        headers={
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "User-Agent": "AIOSMON",
            **headers,
        },
        extensions={"sni_hostname": host, "timeout": httpx.Timeout(timeout).as_dict()},
    )
    try:
        return asyncio.run(_within(request, timeout))
    except TimeoutError:
        return Answer(False, f"No answer within {timeout:g} s.")
    except httpx.HTTPError as error:
        return Answer(False, f"{type(error).__name__}: {error}".rstrip(": "))


async def _within(request: httpx.Request, seconds: float) -> Answer:
    # The client's own timeouts are per read: a server that sends a byte a second outlives them.
    async with asyncio.timeout(seconds):
        # No environment: a proxy would resolve the name by itself.
        async with httpx.AsyncClient(trust_env=False, verify=_certificates()) as client:
            response = await client.send(request, stream=True, follow_redirects=False)
            text = b""
            async for part in response.aiter_bytes():
                text += part
                if len(text) >= READ_BYTES:
                    break
    return _answer(response, text[:READ_BYTES].decode(errors="replace"))


def _answer(response: httpx.Response, text: str) -> Answer:
    status = response.status_code
    said = f"HTTP {status} {response.reason_phrase}".strip() + (f": {text}" if text.strip() else "")
    if 300 <= status < 400:
        said = f"HTTP {status}: redirects are not followed; give the URL that it leads to."
    wanted = response.headers.get("Retry-After", "")
    return Answer(
        ok=200 <= status < 300,
        text=said,
        permanent=300 <= status < 500 and status not in TRY_AGAIN,
        retry_after=float(wanted) if wanted.isdecimal() else None,
    )


def without_secrets(answer: Answer, secrets: Secrets) -> Answer:
    """The answer as it may be shown: some receivers repeat what they were sent."""
    parts = urlsplit(secrets.url)
    hidden = [secrets.url, secrets.signing_key, secrets.token, parts.query]
    hidden += parts.path.split("/")
    return Answer(answer.ok, struck_out(answer.text, hidden), answer.permanent, answer.retry_after)


@cache
def _certificates() -> ssl.SSLContext:
    # Reading the authorities takes tens of milliseconds.
    return httpx.create_ssl_context(trust_env=False)
