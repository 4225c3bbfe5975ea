"""A receiver of web-hooks that notes when it first heard of each component."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Receiver:
    """Listens on a port of its own while the context lasts."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                at = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.hear(json.loads(body), at)

            def log_message(self, *_: Any) -> None:
                """Nothing: the bench prints its own lines."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def hear(self, told: dict[str, Any], at: float) -> None:
        """Note the components of a message: the portal's own form, or Alertmanager's."""
        found = [one.get("component") for one in told.get("alerts", [])]
        found += [one.get("labels", {}).get("component") for one in told.get("alerts", [])]
        with self._lock:
            for component in found:
                if component:
                    self._heard.setdefault(component, at)

    def components(self) -> set[str]:
        """All it has heard of."""
        with self._lock:
            return set(self._heard)

    def first(self) -> dict[str, float]:
        """When it first heard of each (seconds since 1970)."""
        with self._lock:
            return dict(self._heard)
