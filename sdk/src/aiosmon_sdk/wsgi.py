"""WSGI middleware: Flask, Bottle, Pyramid and the like. For Django see ``aiosmon_sdk.django``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

from aiosmon_sdk.call import CURRENT, Call
from aiosmon_sdk.requests import PROBE_HEADER, Requests
from aiosmon_sdk.streams import TimedParts

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


def environ_key(header: str | None) -> str:
    """The name of a header in WSGI's environ and Django's META."""
    return "HTTP_" + (header or "").upper().replace("-", "_")


_PROBE = environ_key(PROBE_HEADER)


class AiosmonMiddleware:
    """Times each request to the last part of its answer.

    The call is at ``environ["aiosmon"]`` and ``aiosmon_sdk.current()``.
    Options: see ``aiosmon_sdk.requests.Requests``.
    """

    def __init__(self, app: App, **options: Any) -> None:
        self._app = app
        self._requests = Requests(**options)
        self._client_key = environ_key(self._requests.client_header)
        self._request_id_key = environ_key(self._requests.request_id_header)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        call = self._begin(environ)
        if call is None:
            return self._app(environ, start_response)

        def started(status: str, headers: Any, *exc_info: Any) -> Any:
            call.status = _code(status)
            if exc_info and exc_info[0]:
                self._requests.caught(call, exc_info[0][1])
            return start_response(status, headers, *exc_info)

        def end(call: Call) -> None:
            self._requests.end(call, environ)

        token = CURRENT.set(call)
        try:
            parts = self._app(environ, started)
        except BaseException as error:
            self._requests.raised(call, error)
            end(call)
            raise
        finally:
            CURRENT.reset(token)
        # A list is the whole answer, and a server's file wrapper must stay what it is for
        # sendfile to be used. A lazy app calls start_response only at its first part.
        if isinstance(parts, (list, tuple)) or _is_file(parts, environ):
            end(call)
            return parts
        return TimedParts(parts, call, end, self._requests.raised)

    def caught(self, call: Call, error: BaseException) -> None:
        """For integrations: the framework makes an answer of this exception."""
        self._requests.caught(call, error)

    def _begin(self, environ: Environ) -> Call | None:
        if _PROBE in environ:
            return None
        call = self._requests.begin(
            environ.get("PATH_INFO", ""),
            environ.get("REQUEST_METHOD", ""),
            environ.get(self._client_key),
            environ.get(self._request_id_key) or None,
        )
        if call is not None:
            environ["aiosmon"] = call
        return call


def _code(status: str) -> int | None:
    return int(status[:3]) if status[:3].isdecimal() else None


def _is_file(parts: object, environ: Environ) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(parts, wrapper)
