"""The fast way in, in front of Django: every face of ingestion.

Requests that arrive together share one COPY and one commit; each is answered
after it. The event loop only moves bytes: a few writer threads do the rest,
taking whatever has gathered while they were at work.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from metrics.ingest import tally
from metrics.ingest.encoding import KNOWN
from metrics.ingest.faces import Answer, Face, Incoming
from metrics.ingest.service import BY_PATH, failed, not_allowed, receive, too_large, unavailable

Message = MutableMapping[str, Any]
Headers = dict[bytes, bytes]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

WRITERS = 4
# A group is one transaction: large enough to share a commit, small enough to end soon.
GROUP_REQUESTS, GROUP_BYTES = 512, 512 * 1024
# What may wait for the writers before senders are asked to come again.
MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_WAITING_REQUESTS = 4096
BUSY_SECONDS = 1


@dataclass(frozen=True)
class _Waiting:
    request: Incoming
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Answer]"


class Ingestion:
    """An ASGI application that answers ingestion itself and hands the rest to ``app``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._writers: list[threading.Thread] = []
        self._closed = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        face = BY_PATH.get(scope["path"]) if scope["type"] == "http" else None
        headers: Headers = dict(scope["headers"]) if face else {}
        if face and (face.whole or (scope["method"] == "POST" and _is_plain(face, headers))):
            await self._ingest(face, scope["method"], headers, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _ingest(
        self, face: Face, method: str, headers: Headers, receive: Receive, send: Send
    ) -> None:
        body = await _read(receive, settings.INGEST_MAX_BYTES)
        request = Incoming(
            *(_key(headers), body or b"", _encoding(headers), _content_type(headers)),
            face=face.name,
            headers=headers,
        )
        if method != "POST":
            answer = not_allowed(request)
        else:
            answer = too_large(request) if body is None else await self._stored(request)
        await _send(send, answer)

    async def _stored(self, request: Incoming) -> Answer:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, loop, loop.create_future())
        with self._changed:
            full = self._bytes > MAX_WAITING_BYTES or len(self._waiting) >= MAX_WAITING_REQUESTS
            if full or self._closed:
                return unavailable(request, BUSY_SECONDS)
            self._waiting.append(waiting)
            self._bytes += len(request.body)
            self._start_writers()
            self._changed.notify()
        return await waiting.answer

    def _start_writers(self) -> None:
        self._writers = [thread for thread in self._writers if thread.is_alive()]
        while len(self._writers) < WRITERS:
            name = f"ingest-{len(self._writers)}"
            thread = threading.Thread(target=self._write, name=name, daemon=True)
            self._writers.append(thread)
            thread.start()

    def _write(self) -> None:
        while group := self._next_group():
            answers = _answers([waiting.request for waiting in group])
            for waiting, answer in zip(group, answers, strict=True):
                waiting.loop.call_soon_threadsafe(_resolve, waiting.answer, answer)
        connection.close()

    def _next_group(self) -> list[_Waiting]:
        """Wait for requests; empty when the server ends and none is left."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            group: list[_Waiting] = []
            size = 0
            while self._waiting and len(group) < GROUP_REQUESTS and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += len(group[-1].request.body)
            self._bytes -= size
            return group

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                tally.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self, seconds: float = 10.0) -> None:
        """Store what has arrived, and end the writers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._writers:
            thread.join(seconds)
        tally.close()


def _answers(requests: list[Incoming]) -> list[Answer]:
    """One answer a request, whatever happens: a writer that died would leave senders waiting."""
    try:
        # The last group may have ended with PostgreSQL gone: start from a usable connection.
        connection.close_if_unusable_or_obsolete()
        return receive(requests)
    except Exception:
        logger.exception("a group of requests failed")
        return [failed(request) for request in requests]


def _is_plain(face: Face, headers: Headers) -> bool:
    """A kind the face knows, with a key; everything unusual is Django's to answer."""
    known = _content_type(headers) in face.content_types and _encoding(headers) in KNOWN
    return known and bool(_key(headers))


def _content_type(headers: Headers) -> str:
    return headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()


def _key(headers: Headers) -> str:
    scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return headers.get(b"x-api-key", b"").decode("latin-1").strip()


def _encoding(headers: Headers) -> str:
    return headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None as soon as it is larger than ``most``."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, answer: Answer) -> None:
    body = answer.encoded()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    pairs = [
        (name.lower().encode(), value.encode())
        for name, value in (headers | answer.headers).items()
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _resolve(future: "asyncio.Future[Answer]", answer: Answer) -> None:
    # A sender that went away has cancelled its future.
    if not future.done():
        future.set_result(answer)
