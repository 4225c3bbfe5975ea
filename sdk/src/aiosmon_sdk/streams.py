"""Answers in parts: their first and last part are noted as they pass by."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Callable

from aiosmon_sdk.call import CURRENT, Call

_clock = time.perf_counter


class _Parts:
    """What both kinds share. A single part is no stream: it has no ``ttfb_ms``."""

    def __init__(self, call: Call, end: Callable[[Call], None], failed: Any) -> None:
        self._call, self._end, self._failed = call, end, failed
        self._first: float | None = None

    def _passed(self, part: Any) -> None:
        if self._first is None:
            self._first = _clock() if part else None
        elif self._call.first is None:
            self._call.first = self._first

    def _stopped(self, error: BaseException | None = None) -> None:
        if error is not None and not self._call.ended:
            self._failed(self._call, error)
        self._end(self._call)

    def _left(self) -> None:
        """Closed by the server: before the end it means that the caller has gone."""
        if not self._call.ended:
            self._call.aborted = True
            self._end(self._call)


class TimedParts(_Parts):
    """An iterable answer. ``current()`` is its call while a part is made."""

    def __init__(
        self, parts: Iterable[Any], call: Call, end: Callable[[Call], None], failed: Any
    ) -> None:
        super().__init__(call, end, failed)
        self._parts = parts
        self._iterator = iter(parts)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        token = CURRENT.set(self._call)
        try:
            part = next(self._iterator)
        except StopIteration:
            self._stopped()
            raise
        except BaseException as error:
            self._stopped(error)
            raise
        finally:
            CURRENT.reset(token)
        self._passed(part)
        return part

    def close(self) -> None:
        """As PEP 3333 wants it: the answer's own close() is called in any case."""
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:
            self._left()


class TimedAsyncParts(_Parts):
    """An asynchronous answer; ``close`` is Django's, called when the response ends."""

    def __init__(
        self, parts: AsyncIterable[Any], call: Call, end: Callable[[Call], None], failed: Any
    ) -> None:
        super().__init__(call, end, failed)
        self._iterator = parts.__aiter__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        token = CURRENT.set(self._call)
        try:
            part = await self._iterator.__anext__()
        except StopAsyncIteration:
            self._stopped()
            raise
        except BaseException as error:
            self._stopped(error)
            raise
        finally:
            CURRENT.reset(token)
        self._passed(part)
        return part

    def close(self) -> None:
        """The response is done with."""
        self._left()
