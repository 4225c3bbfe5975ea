"""What the middlewares share: which requests are measured, and how a row is made of one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any, Callable

from aiosmon_sdk.call import Call, error_text
from aiosmon_sdk.client import Client
from aiosmon_sdk.default import default_client
from aiosmon_sdk.rules import Paths, Rule

log = logging.getLogger("aiosmon_sdk")

PROBE_HEADER = "X-AIOSMON-Probe"
CLIENT_ERROR, SERVER_ERROR = 400, 500
_clock = time.perf_counter
Describe = Callable[[Call, Any], None]


class Requests:
    """The settings of one middleware. Its methods never raise."""

    def __init__(
        self,
        *,
        sender: Client | None = None,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        rules: Iterable[Rule] = (),
        describe: Describe | None = None,
        client_header: str | None = "X-Client",
        request_id_header: str | None = "X-Request-ID",
        client_errors: bool = True,
    ) -> None:
        """``sender`` is the Client to send by; default: the default client.

        ``describe(call, request)`` is called at the end of each request, to fill in the call.

        ``client_errors=False`` leaves answers 4xx out: the caller's mistake.
        """
        self._sender = sender
        self._paths = Paths(include, exclude, rules)
        self._describe = describe
        self._client_errors = client_errors
        self.client_header = client_header
        self.request_id_header = request_id_header
        self._has_told = False

    @property
    def client(self) -> Client:
        """The client named, or the default one at this moment."""
        return self._sender or default_client()

    def begin(
        self, path: str, method: str, client: str | None, request_id: str | None
    ) -> Call | None:
        """A call that starts now; None when this path is not measured."""
        rule = self._paths[path]
        if rule is None or not (self._sender or default_client()).enabled:
            return None
        return Call(
            rule.metric_name, rule.category, rule.component, path, method, client, request_id
        )

    def raised(self, call: Call, error: BaseException) -> None:
        """The service let this exception out."""
        call.failed(error, message=self.client.options.error_messages)

    def caught(self, call: Call, error: BaseException) -> None:
        """The framework makes an answer of this exception: its status tells whether it failed."""
        call.caught = error_text(error, message=self.client.options.error_messages)

    def end(self, call: Call, request: Any) -> None:
        """Take the time and queue the row; a second time does nothing."""
        if call.ended:
            return
        call.ended = _clock()
        status = call.status
        if status is None:
            self._without_answer(call)
        elif status >= SERVER_ERROR:
            call.success = False
            call.error = call.error or call.caught or f"HTTP {status}"
        elif status >= CLIENT_ERROR and not self._client_errors:
            return
        if self._describe is not None:
            self._described(call, request)
        (self._sender or default_client()).add(call)

    def _without_answer(self, call: Call) -> None:
        if call.success and not call.aborted:
            call.success = False
            call.error = call.error or "no answer"

    def _described(self, call: Call, request: Any) -> None:
        try:
            assert self._describe is not None  # noqa: S101  # the caller has looked
            self._describe(call, request)
        except Exception:
            if not self._has_told:
                self._has_told = True
                log.exception("describe() failed; further failures are not logged")
