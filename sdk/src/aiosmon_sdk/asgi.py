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
        requests = self._requests

        # Not a coroutine of its own: handing on the server's awaitable costs nothing.
        def watched(message: Message) -> Awaitable[None]:
            kind = message["type"]
            if kind == "http.response.body":
                if not message.get("more_body"):
                    _name_route(call, scope, root)
                    requests.end(call, scope)
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
                requests.raised(call, error)
            raise
        finally:
            CURRENT.reset(token)
            if not call.ended:
                # No last byte: an exception, a caller who left, or a file sent by the server.
                _name_route(call, scope, root)
                requests.end(call, scope)

    def _begin(self, scope: Scope) -> Call | None:
        headers = dict(scope["headers"])
        if _PROBE in headers:
            return None
        call = self._requests.begin(scope["path"], scope["method"])
        if call is None:
            return None
        client = headers.get(self._client_header)
        if client is not None:
            call.client = client.decode("latin-1")
        request_id = headers.get(self._request_id_header)
        if request_id is not None:
            call.request_id = request_id.decode("latin-1")
        # A copy: a server may hand the same state to every request.
        scope["state"] = {**scope.get("state", {}), "aiosmon": call}
        return call


def _lower(name: str | None) -> bytes:
    return (name or "").lower().encode()


def _name_route(call: Call, scope: Scope, root: str) -> None:
    """Prefer the template of the route that the framework has found, below its mounts."""
    template = getattr(scope.get("route"), "path", None)
    if isinstance(template, str) and template:
        mounted = scope.get("root_path", "")
        call.endpoint = mounted[len(root) :] + template
