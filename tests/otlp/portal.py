"""A portal's web server on a database of its own, and a relay that remembers what passes."""

import gzip
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from tests.live.portal import free_port, wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
# One key for each test, so that what was counted can be told apart.
PREPARE = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from accounts import keys
from accounts.models import ApiKey
for name in sys.argv[1:]:
    print(keys.issue(name, [ApiKey.Scope.INGEST])[1])
"""


class Portal:
    """A running web server; ``keys`` has an API key for each name it was made with."""

    def __init__(self, database: str, port: int, keys: dict[str, str]) -> None:
        self.database, self.port, self.keys = database, port, keys

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement."""
        with psycopg.connect(self.database, connect_timeout=5) as connection:
            return connection.execute(sql, values).fetchall()  # type: ignore[arg-type]

    def refusals(self, name: str, requests: int) -> dict[str, int]:
        """What was refused or left out of a key's ``requests``, by reason, once all are counted."""
        counted = (
            "SELECT coalesce(sum(requests), 0) FROM intake_minutes"
            " JOIN api_keys k ON k.id = api_key_id WHERE k.name = %s"
        )
        wait_for("the figures of ingestion", lambda: self.query(counted, name)[0][0] == requests)
        refused = (
            "SELECT reason, sum(count)::int FROM intake_rejections"
            " JOIN api_keys k ON k.id = api_key_id WHERE k.name = %s GROUP BY 1"
        )
        return dict(self.query(refused, name))


@contextmanager
def running(*names: str) -> Iterator[Portal]:
    """A portal with a key for each name."""
    with _database() as database:
        env = {**os.environ, "DATABASE_URL": database, "AIOSMON_DEMO": "0"}
        env["DJANGO_SETTINGS_MODULE"] = "aiosmon.settings"
        printed = subprocess.run(
            [sys.executable, "-c", PREPARE, *names],
            cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.split()  # fmt: skip
        port = free_port()
        argv = [sys.executable, "-m", "granian", "--host", "127.0.0.1", "--port", str(port)]
        argv += ["--interface", "asgi", "--workers", "1", "--no-ws", "--log-level", "error"]
        server = subprocess.Popen([*argv, "aiosmon.asgi:application"], cwd=CHECKOUT, env=env)
        portal = Portal(database, port, dict(zip(names, printed, strict=True)))
        try:
            wait_for("the web server", lambda: _answers(portal.url))
            yield portal
        finally:
            server.terminate()
            server.wait(20)


@contextmanager
def _database() -> Iterator[str]:
    server = os.environ["DATABASE_URL"]
    name = f"otlp_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    return False


@dataclass(frozen=True)
class Exchange:
    """A request as an exporter sent it, and its answer."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes

    @property
    def plain(self) -> bytes:
        """The body, unpacked."""
        packed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(self.body) if packed else self.body


class Relay:
    """Passes requests on to the portal unchanged and keeps a copy of them and their answers.

    ``lose``: so many answers that are still to be lost, a 503 in their place.
    """

    def __init__(self, to: str) -> None:
        self.exchanges: list[Exchange] = []
        self.lose = 0
        self._http = httpx.Client(base_url=to, timeout=20)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.relay = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where exporters are pointed."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def sent(self, path: str) -> list[Exchange]:
        """What has passed to one address."""
        return [one for one in self.exchanges if one.path == path]

    def again(self, key: str) -> list[Exchange]:
        """Send all that has passed once more, byte by byte, under another key of the client."""
        return [self.pass_on(one.path, one.headers, one.body, key) for one in self.exchanges]

    def pass_on(self, path: str, headers: dict[str, str], body: bytes, key: str = "") -> Exchange:
        """One request and its answer."""
        kept = {name: value for name, value in headers.items() if name.lower() not in _OF_THE_HOP}
        if key:
            kept = {name: value for name, value in kept.items() if name.lower() != "authorization"}
            kept["Authorization"] = f"Bearer {key}"
        answer = self._http.post(path, headers=kept, content=body)
        return Exchange(path, headers, body, answer.status_code, answer.content)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._http.close()


_OF_THE_HOP = {"host", "connection", "content-length", "accept-encoding"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    relay: Relay


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        relay = self.server.relay
        done = relay.pass_on(self.path, dict(self.headers), body)
        relay.exchanges.append(done)
        lost, relay.lose = relay.lose > 0, max(0, relay.lose - 1)
        self.send_response(503 if lost else done.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(done.answer)))
        self.end_headers()
        self.wfile.write(done.answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""
