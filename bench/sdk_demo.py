"""The demo service's fastest endpoint: as it is, and with the SDK.

What the SDK adds is measured in this process, to a microsecond. What a request
takes altogether is measured over HTTP at the demo's own server, without a portal.
"""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiosmon_sdk import Client
from aiosmon_sdk.asgi import AiosmonMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware

from demo import app as demo_app
from demo.config import Config
from demo.reporting import MEASURED
from demo.service import Service
from tests.live.portal import free_port

WARM_UP, TRIALS, HTTP_CALLS = 50, 300, 40
START_SECONDS = 60
REQUESTS = {
    "GET /terminal": ("GET", "/terminal", b""),
    "POST /api/ai/feedback": ("POST", "/api/ai/feedback", b'{"feedback": "thumbs_up"}'),
    "POST /api/ai/embed": ("POST", "/api/ai/embed", json.dumps({"texts": ["a text"]}).encode()),
}
HEADERS = [
    (b"host", b"service.example"),
    (b"content-type", b"application/json"),
    (b"x-client", b"acme"),
]
Several = Callable[[int], None]


def callers(senders: list[Client | None]) -> tuple[str, list[Several]]:
    """The endpoint that answers fastest, and one caller of it for each sender; None: no SDK."""
    loop, service = asyncio.new_event_loop(), Service(Config())
    plain = application(service, None)
    name = min(REQUESTS, key=lambda name: seconds(caller(loop, plain, *REQUESTS[name])))
    apps = [application(service, sender) for sender in senders]
    return name, [caller(loop, app, *REQUESTS[name]) for app in apps]


def application(service: Service, sender: Client | None) -> Starlette:
    """The demo's application around one fitted service."""
    whole = demo_app.app
    options = {**MEASURED, "sender": sender}
    used = [Middleware(AiosmonMiddleware, **options)] if sender else []  # type: ignore[arg-type]
    made = Starlette(
        routes=whole.routes, middleware=used, exception_handlers=whole.exception_handlers
    )
    made.state.service = service
    return made


def seconds(several: Several) -> float:
    """Of a trial, once warm."""
    several(WARM_UP)
    began = time.perf_counter()
    several(TRIALS)
    return time.perf_counter() - began


def caller(
    loop: asyncio.AbstractEventLoop, app: Starlette, method: str, path: str, body: bytes
) -> Several:
    """Calls the application as a server does."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200, message

    async def several(times: int) -> None:
        for _ in range(times):
            await app(_scope(method, path), receive, send)

    return lambda times: loop.run_until_complete(several(times))


def _scope(method: str, path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


@contextmanager
def caller_over_http(name: str) -> Iterator[Callable[[], list[float]]]:
    """Calls the endpoint at a server of its own, a few times, on a kept connection.

    Yields what gives the µs that the caller waited for each.
    """
    method, path, body = REQUESTS[name]
    headers = {name.decode(): value.decode() for name, value in HEADERS[1:]}
    with server() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

        def wait() -> float:
            began = time.perf_counter()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            return (time.perf_counter() - began) * 1e6

        for _ in range(WARM_UP):
            wait()
        # The first few after a pause find everything cold.
        yield lambda: [wait() for _ in range(HTTP_CALLS)][HTTP_CALLS // 4 :]
        connection.close()


@contextmanager
def server() -> Iterator[int]:
    """The demo service as `make run` starts it, but for the portal; yields its port."""
    port, ours = free_port(), ("DEMO_", "AIOSMON_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    argv = [sys.executable, "-m", "granian", "--interface", "asgi", "demo.app:app"]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error"]
    process = subprocess.Popen(argv, env={**env, "DEMO_TRAFFIC": "0"}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            assert time.monotonic() < deadline, "the demo service did not start"
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
