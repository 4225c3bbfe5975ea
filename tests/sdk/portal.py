"""A portal as the SDK sees it: a real HTTP server whose behaviour a test can change.

It stores each event id once, as the real one does, and can be stopped (its port
refuses connections) and started again on the same port.
"""

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.live.portal import free_port

Row = dict[str, Any]
VOTES_PATH = "/api/v1/feedback/"
Reply = tuple[int, dict[str, str], Any]


class FakePortal:
    """Set ``reply`` to answer otherwise than 201; ``hangs`` to not answer at all."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[tuple[float, dict[str, str], bytes]] = []
        self.stored: dict[str, Row] = {}
        self.stored_votes: dict[str, Row] = {}
        self.paths: list[str] = []
        self.reply: Callable[[list[Row]], Reply | None] = lambda _rows: None
        self.released = threading.Event()
        self.released.set()
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self.start()

    @property
    def rows(self) -> list[Row]:
        """Rows of the service, each event id once."""
        return [r for r in list(self.stored.values()) if r["metric_name"] != "sdk_rows_dropped"]

    @property
    def votes(self) -> list[Row]:
        """What came to the feedback address, each event id once."""
        return list(self.stored_votes.values())

    @property
    def drops(self) -> int:
        """Sum of the drops that the SDK has reported."""
        rows = list(self.stored.values())
        return int(sum(r["metric_value"] for r in rows if r["metric_name"] == "sdk_rows_dropped"))

    def start(self) -> None:
        """Listen, on the same port each time."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.portal = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections and cut those that are open."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.cut()

    def hang(self) -> None:
        """Take requests, answer none until `resume`."""
        self.released.clear()

    def resume(self) -> None:
        """Answer again."""
        self.released.set()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        """The reply to a request; None closes the connection without one."""
        with self._lock:
            self.requests.append((time.monotonic(), headers, body))
            self.paths.append(path)
        if not self.released.wait(10):
            return None
        plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        rows = json.loads(plain)
        special = self.reply(rows)
        if special is not None:
            return special
        with self._lock:
            stored = self.stored_votes if path == VOTES_PATH else self.stored
            for row in rows:
                stored.setdefault(row.get("event_id") or f"row {len(stored)}", row)
        return 201, {}, {"stored": len(rows), "rejected": 0, "rejections": []}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    portal: FakePortal

    def __init__(self, *args: Any) -> None:
        self._open: set[Any] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        for request in list(self._open):
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut connections raise in their handlers: that is what the test wanted."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = self.server.portal.answer(self.path, dict(self.headers), body)
        if reply is None:
            self.close_connection = True
            return
        status, headers, content = reply
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll until it holds; AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
