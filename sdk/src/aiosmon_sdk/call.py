"""One measured call while it runs, and the way to reach it from anywhere below."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any

_clock = time.perf_counter
_wall = time.time


class Call:
    """A request or a tracked piece of work. The service fills in what it learns about it.

    Slots, all of them set at once, make a new call small and its reading cheap; what else
    is set, such as a misspelt attribute, must not raise into the service.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_request_id",
        "aborted",
        "category",
        "caught",
        "client",
        "complexity",
        "component",
        "ended",
        "endpoint",
        "error",
        "first",
        "metadata",
        "method",
        "metric_name",
        "models",
        "satisfaction",
        "started",
        "started_at",
        "status",
        "success",
        "timestamp",
        "unit",
        "user_id",
        "value",
    )

    def __init__(
        self,
        metric_name: str,
        category: str,
        component: str | None,
        endpoint: str | None = None,
        method: str | None = None,
        client: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.metric_name = metric_name
        self.category = category
        self.component = component
        self.unit = "ms"
        self.endpoint = endpoint
        self.client = client
        self.complexity: str | None = None
        self.models: Sequence[str] = ()
        self.satisfaction: float | None = None
        self.user_id: int | None = None
        self.success = True
        self.error: str | None = None
        #: HTTP facts that the integrations set.
        self.status: int | None = None
        self.method = method
        self.aborted = False
        #: Set by record(): a value that is not the time taken, and its own time.
        self.value: float | None = None
        self.timestamp: datetime | None = None
        #: perf_counter() of the first chunk of a streamed answer, and of the end.
        self.first: float | None = None
        self.ended = 0.0
        #: What the framework caught: the error of this call if its status is 5xx.
        self.caught: str | None = None
        self._request_id = request_id
        self.metadata: dict[str, Any] = {}
        self.started_at = _wall()
        self.started = _clock()

    @property
    def request_id(self) -> str:
        """The caller's X-Request-ID; without one, an id is made when first asked for."""
        if self._request_id is None:
            self._request_id = os.urandom(16).hex()
        return self._request_id

    @request_id.setter
    def request_id(self, value: str | None) -> None:
        self._request_id = value

    def set(self, **fields: Any) -> None:
        """Set several attributes at once; None is passed over, metadata is merged."""
        for name, value in fields.items():
            if name == "metadata" and isinstance(value, Mapping):
                self.metadata.update(value)
            elif value is not None:
                setattr(self, name, value)

    def failed(self, error: BaseException, *, message: bool = True) -> None:
        """The call ended with this exception; a cancelled one is aborted, not failed."""
        if not isinstance(error, Exception):
            self.aborted = True
            return
        self.success = False
        self.error = error_text(error, message=message)

    def first_chunk(self) -> None:
        """The first part of a streamed answer is on its way."""
        if self.first is None:
            self.first = _clock()

    def inherit(self, outer: Call) -> None:
        """Belong to the request around this call, where nothing else was said."""
        self.client = self.client or outer.client
        self.complexity = self.complexity or outer.complexity
        self.user_id = self.user_id or outer.user_id
        if self._request_id is None:
            self._request_id = outer.request_id


def error_text(error: BaseException, *, message: bool = True) -> str:
    """The exception's type and, if wanted, its message; at most 200 characters."""
    try:
        text = f"{type(error).__name__}: {error}" if message else type(error).__name__
    except Exception:  # noqa: BLE001  # a __str__ that fails is the service's fault, not ours
        text = type(error).__name__
    return text[:200].rstrip(": ")


CURRENT: ContextVar[Call | None] = ContextVar("aiosmon_call", default=None)


def current() -> Call:
    """The request being answered, or else the outermost ``track()``.

    Outside of both it is a call that is never sent, so that setting something
    on it is harmless.
    """
    return CURRENT.get() or Call("", "", None)
