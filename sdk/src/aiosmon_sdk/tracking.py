"""``track()``: measures a block of code or a function, whatever its kind."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextvars import Token
from types import TracebackType
from typing import Any, Callable, TypeVar, cast

from aiosmon_sdk.call import CURRENT, Call
from aiosmon_sdk.client import Client
from aiosmon_sdk.default import default_client

F = TypeVar("F", bound=Callable[..., Any])


class track:  # noqa: N801  # used like a function, as contextlib.suppress is
    """Send the time that a block or each call of a function takes, in ms.

    ::

        with track("retrieval_time", component="data_intelligence") as call:
            call.metadata["passages"] = 12

        @track("ml_prediction_inference_time", category="ml_inference", models=["ranker"])
        async def rank(texts): ...

    Inside of a request the row takes client, request id, complexity and user
    from it. Functions may be sync, async, generators or async generators;
    generators are timed from their first step to their end, with ``ttfb_ms``.
    An exception is recorded and goes on its way. Outside of a request,
    ``current()`` is the outermost tracked call.
    """

    def __init__(
        self,
        metric_name: str,
        *,
        category: str = "ai_query",
        component: str | None = None,
        models: Sequence[str] = (),
        complexity: str | None = None,
        client: str | None = None,
        metadata: dict[str, Any] | None = None,
        sender: Client | None = None,
    ) -> None:
        """``sender`` is the Client to send by; default: the default client."""
        self._names = (metric_name, category, component)
        self._fields = {
            "models": models,
            "complexity": complexity,
            "client": client,
            "metadata": metadata,
        }
        self._sender = sender
        # A stack: one object may be entered again before it is left.
        self._open: list[tuple[Call, Token[Call | None] | None]] = []

    def begin(self) -> Call:
        """A call that starts now."""
        call = Call(*self._names)
        call.set(**self._fields)
        return call

    def end(self, call: Call, error: BaseException | None = None) -> None:
        """Send the call; it ended with this error, or well."""
        call.ended = time.perf_counter()
        sender = self._sender or default_client()
        if not sender.enabled:
            return
        if error is not None and not isinstance(error, GeneratorExit):
            call.failed(error, message=sender.options.error_messages)
        elif error is not None:
            call.aborted = True
        outer = CURRENT.get()
        if outer is not None and outer is not call:
            call.inherit(outer)
        sender.add(call)

    def __enter__(self) -> Call:
        call = self.begin()
        token = CURRENT.set(call) if CURRENT.get() is None else None
        self._open.append((call, token))
        return call

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        call, token = self._open.pop()
        if token is not None:
            CURRENT.reset(token)
        self.end(call, error)

    async def __aenter__(self) -> Call:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        """Decorate a function."""
        if inspect.isasyncgenfunction(function):
            wrapper = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapper = self._generator(function)
        elif inspect.iscoroutinefunction(function):
            wrapper = self._coroutine(function)
        else:
            wrapper = self._function(function)
        return cast("F", functools.wraps(function)(wrapper))

    def _again(self) -> track:
        """A track of its own for each call: calls overlap in threads and tasks."""
        again = object.__new__(track)
        again._names, again._fields, again._sender = self._names, self._fields, self._sender
        again._open = []
        return again

    def _function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return timed

    def _coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def timed(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return await function(*args, **kwargs)

        return timed

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _Steps(function(*args, **kwargs), self))

        return timed

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def timed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            call, inner = self.begin(), function(*args, **kwargs)
            try:
                sent = None
                while True:
                    with around(call):
                        item = await inner.asend(sent)
                    call.first_chunk()
                    sent = yield item
            except StopAsyncIteration:
                self.end(call)
            except BaseException as error:
                await _close(inner)
                self.end(call, error)
                raise

        return timed


async def _close(inner: AsyncGenerator[Any, Any]) -> None:
    await inner.aclose()


class around:  # noqa: N801
    """While a step of a stream runs, ``current()`` is its call, if nothing is around it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._token: Token[Call | None] | None = None

    def __enter__(self) -> None:
        if CURRENT.get() is None:
            self._token = CURRENT.set(self._call)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)


class _Steps(Generator[Any, Any, Any]):
    """A generator whose steps are watched; sent values, thrown errors and the result pass."""

    def __init__(self, inner: Generator[Any, Any, Any], tracked: track) -> None:
        self._inner, self._tracked, self._call = inner, tracked, tracked.begin()

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return self

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def _step(self, step: Callable[..., Any], *arguments: Any) -> Any:
        try:
            with around(self._call):
                item = step(*arguments)
        except StopIteration:
            self._tracked.end(self._call)
            raise
        except BaseException as error:
            self._tracked.end(self._call, error)
            raise
        self._call.first_chunk()
        return item
