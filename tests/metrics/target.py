"""A small HTTP server for probes to call, in a thread of its own."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


def reply(body: Any = b"", status: int = 200, **headers: str) -> Reply:
    """An answer; anything but bytes is sent as JSON."""
    return status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()


class Target:
    """``target.answers["/path"] = reply(…)`` or a function of the request's JSON."""

    def __init__(self) -> None:
        self.answers: dict[str, Reply | Callable[[Any], Reply]] = {}
        self.requests: list[tuple[str, Any, dict[str, str]]] = []
        # Set, it lets every request that hangs go.
        self.release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> "Target":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def hang(self, _payload: Any) -> Reply:
        """Answer only when the test is over."""
        self.release.wait(20)
        return reply({})

    def _answer(self, path: str, payload: Any, headers: dict[str, str]) -> Reply:
        self.requests.append((path, payload, headers))
        answer = self.answers.get(path, reply(b"", 404))
        return answer(payload) if callable(answer) else answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                payload = json.loads(self.rfile.read(length) or b"null")
                status, headers, body = target._answer(self.path, payload, dict(self.headers))
                try:
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    return  # The probe gave up, as it should.

            do_GET = do_POST  # noqa: N815  # the name is http.server's

            def log_message(self, *_args: Any) -> None:
                """Requests are kept, not printed."""

        return Handler
