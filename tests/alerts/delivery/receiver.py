"""A real web-hook receiver on this machine, which can be told to misbehave."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers["Idempotency-Key"]


class Receiver:
    """Keeps what it got; ``status`` is what it answers, ``let_go`` ends a hanging."""

    def __init__(self, status: int = 200, *, hangs: bool = False) -> None:
        self.status, self.hangs, self.answer = status, hangs, b"ok"
        self.answer_headers: dict[str, str] = {}
        self.got: list[Received] = []
        self._free = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook/a-secret-path"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(outer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            """Takes every POST."""

            def do_POST(self) -> None:
                """Keep it, and answer as told."""
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:
                    # The sender was killed in the middle: that is no message.
                    self.close_connection = True
                    return
                outer.got.append(Received(self.path, dict(self.headers.items()), body))
                if outer.hangs:
                    outer._free.wait(60)
                self.send_response(outer.status)
                for name, value in outer.answer_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.answer)))
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def handle(self) -> None:
                """A sender that has gone is what hanging makes."""
                try:
                    super().handle()
                except OSError:
                    return

        return Handler

    def let_go(self) -> None:
        """Hang no more; what hangs is answered."""
        self.hangs = False
        self._free.set()

    def stop(self) -> None:
        """Close the port."""
        self.let_go()
        self._server.shutdown()
        self._server.server_close()


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """The first true value of the condition, or its last false one."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return met
