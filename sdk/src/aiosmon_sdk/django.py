"""Django middleware, for WSGI and ASGI.

Settings, all optional, in ``AIOSMON``: those of ``configure()`` (url, api_key,
service_name, component, …) and those of ``Requests`` (include, exclude, rules,
describe, …); ``describe`` may be a dotted path.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from aiosmon_sdk.call import CURRENT, Call
from aiosmon_sdk.default import configure
from aiosmon_sdk.requests import PROBE_HEADER, Requests
from aiosmon_sdk.streams import TimedAsyncParts, TimedParts
from aiosmon_sdk.wsgi import environ_key

_PROBE = environ_key(PROBE_HEADER)
_OF_REQUESTS = frozenset(
    (
        "sender",
        "include",
        "exclude",
        "rules",
        "describe",
        "client_header",
        "request_id_header",
        "client_errors",
    )
)


class AiosmonMiddleware:
    """Times each request; first in ``MIDDLEWARE``, so that it sees what the others cost.

    The call is at ``request.aiosmon`` and ``aiosmon_sdk.current()``.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        self._requests = _from_settings()
        self._client_key = environ_key(self._requests.client_header)
        self._request_id_key = environ_key(self._requests.request_id_header)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """One request."""
        if self._is_async:
            return self._answer(request)
        call = self._begin(request)
        if call is None:
            return self._get_response(request)  # type: ignore[no-any-return]
        token = CURRENT.set(call)
        try:
            response = self._get_response(request)
        except BaseException as error:
            self._raised(call, request, error)
            raise
        finally:
            CURRENT.reset(token)
        return self._answered(call, request, response)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        call = self._begin(request)
        if call is None:
            return await self._get_response(request)  # type: ignore[no-any-return]
        token = CURRENT.set(call)
        try:
            response = await self._get_response(request)
        except BaseException as error:
            self._raised(call, request, error)
            raise
        finally:
            CURRENT.reset(token)
        return self._answered(call, request, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Note what a view raised; whether the request failed, its status tells."""
        call = getattr(request, "aiosmon", None)
        if isinstance(call, Call):
            self._requests.caught(call, exception)

    def _begin(self, request: HttpRequest) -> Call | None:
        meta = request.META
        if _PROBE in meta:
            return None
        call = self._requests.begin(
            request.path_info,
            request.method or "",
            meta.get(self._client_key),
            meta.get(self._request_id_key) or None,
        )
        if call is not None:
            request.aiosmon = call  # type: ignore[attr-defined]
        return call

    def _raised(self, call: Call, request: HttpRequest, error: BaseException) -> None:
        self._requests.raised(call, error)
        self._end(call, request)

    def _answered(
        self, call: Call, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        call.status = response.status_code
        if not response.streaming:
            self._end(call, request)
            return response
        stream: Any = response
        timed = TimedAsyncParts if stream.is_async else TimedParts

        def end(call: Call) -> None:
            self._end(call, request)

        # The iterator itself: reading streaming_content wraps it in a map without close().
        stream.streaming_content = timed(stream._iterator, call, end, self._requests.raised)  # noqa: SLF001
        return response

    def _end(self, call: Call, request: HttpRequest) -> None:
        match = request.resolver_match
        if match is not None and match.route:
            call.endpoint = "/" + match.route.lstrip("^/").rstrip("$")
        self._requests.end(call, request)


def _from_settings() -> Requests:
    options = dict(getattr(settings, "AIOSMON", {}))
    of_requests = {name: options.pop(name) for name in _OF_REQUESTS & options.keys()}
    if isinstance(of_requests.get("describe"), str):
        of_requests["describe"] = import_string(of_requests["describe"])
    if options:
        configure(**options)
    return Requests(**of_requests)
