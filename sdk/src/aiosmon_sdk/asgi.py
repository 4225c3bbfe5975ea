"""Pure ASGI middleware: Starlette, FastAPI, Quart, and Django's ASGI handler."""

from __future__ import annotations

import time
from collections.abc import Awaitable, MutableMapping
from typing import Any, Callable

from aiosmon_sdk.call import CURRENT, Call
from aiosmon_sdk.requests import PROBE_HEADER, Requests

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROBE = PROBE_HEADER.lower().encode()
_clock = time.perf_counter


class AiosmonMiddleware:
    """Times each HTTP request to its last byte; WebSockets and lifespan pass untouched.

    The call is at ``request.state.aiosmon``, ``scope["state"]["aiosmon"]`` and
    ``aiosmon_sdk.current()``. Options: see ``aiosmon_sdk.requests.Requests``.
    """

    def __init__(self, app: App, **options: Any) -> None:
        self._app = app
        self._requests = Requests(**options)
        self._client_header = _lower(self._requests.client_header)
        self._request_id_header = _lower(self._requests.request_id_header)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        call = self._begin(scope) if scope["type"] == "http" else None
        if call is None:
            await self._app(scope, receive, send)
            return
        root = scope.get("root_path", "")

        # Not a coroutine of its own: handing on the server's awaitable costs nothing.
        def watched(message: Message) -> Awaitable[None]:
            kind = message["type"]
            if kind == "http.response.body":
                if not message.get("more_body"):
                    self._end(call, scope, root)
                elif call.first is None and message.get("body"):
                    call.first = _clock()
            elif kind == "http.response.start":
                call.status = message["status"]
            return send(message)

        token = CURRENT.set(call)
        try:
            await self._app(scope, receive, watched)
        except BaseException as error:
            if not call.ended:
                self._requests.raised(call, error)
            raise
        finally:
            CURRENT.reset(token)
            if not call.ended:
                # No last byte: an exception, a caller who left, or a file sent by the server.
                self._end(call, scope, root)

    def _begin(self, scope: Scope) -> Call | None:
        headers = dict(scope["headers"])
        if _PROBE in headers:
            return None
        client = headers.get(self._client_header)
        request_id = headers.get(self._request_id_header)
        call = self._requests.begin(
            scope["path"],
            scope["method"],
            client.decode("latin-1") if client else None,
            request_id.decode("latin-1") if request_id else None,
        )
        if call is None:
            return None
        state = scope.get("state")
        # A copy: a server may hand the same state to every request.
        scope["state"] = {**state, "aiosmon": call} if state else {"aiosmon": call}
        return call

    def _end(self, call: Call, scope: Scope, root: str) -> None:
        template = getattr(scope.get("route"), "path", None)
        if isinstance(template, str) and template:
            # The template that the framework has found, below its mounts.
            mounted = scope.get("root_path", "")
            call.endpoint = template if mounted == root else mounted[len(root) :] + template
        self._requests.end(call, scope)


def _lower(name: str | None) -> bytes:
    return (name or "").lower().encode()
