"""The fast way in, in front of Django: every face of ingestion.

Requests that arrive together share one COPY and one commit; each is answered
after it. The event loop only moves bytes: a few writer threads do the rest,
taking whatever has gathered while they were at work.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from metrics.ingest import tally
from metrics.ingest.encoding import KNOWN, BodyTooLarge
from metrics.ingest.faces import Answer, Face, Incoming
from metrics.ingest.lanes import Lane, Waiting
from metrics.ingest.memory import give_back_large_blocks
from metrics.ingest.service import BY_PATH, not_allowed, too_large, unavailable

Message = MutableMapping[str, Any]
Headers = dict[bytes, bytes]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

WRITERS = 4
# How long the writer of faces that are stored one group after another waits for more.
LINGER_SECONDS = 0.01
# What may arrive and wait for the writers before senders are asked to come again.
MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_WAITING_REQUESTS = 4096
BUSY_SECONDS = 1


class _NoRoom(Exception):
    """So much has arrived already that this body was let go."""


class _Gone(Exception):
    """The sender went away in the middle of its body."""


class Ingestion:
    """An ASGI application that answers ingestion itself and hands the rest to ``app``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._many = Lane("ingest", WRITERS)
        self._one = Lane("ingest-in-turn", 1, LINGER_SECONDS)
        # Bytes of the bodies that are still arriving (loop's thread only).
        self._arriving = 0

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
        refusal = None if method == "POST" else not_allowed
        try:
            body = await self._body(receive, settings.INGEST_MAX_BYTES)
        except _Gone:
            return
        except (BodyTooLarge, _NoRoom) as error:
            body = b""
            refusal = refusal or (too_large if isinstance(error, BodyTooLarge) else _busy)
        request = Incoming(
            *(_key(headers), body, _encoding(headers), _content_type(headers)),
            face=face.name,
            headers=headers,
        )
        answer = refusal(request) if refusal else await self._stored(request, in_turn=face.in_turn)
        await _send(send, answer)

    async def _body(self, receive: Receive, most: int) -> bytes:
        """The whole body.

        Raises BodyTooLarge as soon as it is larger than ``most``; _NoRoom at its end,
        since a sender whose request was cut off would not read the answer; and _Gone
        when the sender goes away before it: half a body may look like a whole one.
        """
        chunks: list[bytes] = []
        size = held = 0
        has_room = more = True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                if size > most:
                    raise BodyTooLarge
                self._arriving += len(chunk)
                held += len(chunk)
                has_room = has_room and self._arriving + self._waiting <= MAX_WAITING_BYTES
                if has_room:
                    chunks.append(chunk)
                else:
                    chunks.clear()
                    self._arriving -= held
                    held = 0
        finally:
            self._arriving -= held
        if not has_room:
            raise _NoRoom
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    @property
    def _waiting(self) -> int:
        """Bytes of the bodies that wait to be stored."""
        return self._many.bytes + self._one.bytes

    async def _stored(self, request: Incoming, *, in_turn: bool) -> Answer:
        loop = asyncio.get_running_loop()
        waiting = Waiting(request, loop, loop.create_future())
        lane = self._one if in_turn else self._many
        if self._waiting > MAX_WAITING_BYTES or not lane.add(waiting, MAX_WAITING_REQUESTS):
            return _busy(request)
        return await waiting.answer

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                give_back_large_blocks()
                tally.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self, seconds: float = 10.0) -> None:
        """Store what has arrived, and end the writers."""
        for lane in (self._many, self._one):
            lane.close(seconds)
        tally.close()


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


def _busy(request: Incoming) -> Answer:
    return unavailable(request, BUSY_SECONDS)


async def _send(send: Send, answer: Answer) -> None:
    body = answer.encoded()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    pairs = [
        (name.lower().encode(), value.encode())
        for name, value in (headers | answer.headers).items()
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
