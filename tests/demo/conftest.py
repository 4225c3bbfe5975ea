"""The real service under granian, a recording portal, and a database of its own."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

ROOT = Path(__file__).parents[2]


def poll(condition: Callable[[], object], seconds: float = 20) -> object:
    """Poll until the condition is true and return what it gave; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError(f"not true within {seconds} s")


@pytest.fixture
def until() -> Callable[..., object]:
    """`poll`, for tests."""
    return poll


@pytest.fixture
def start() -> Callable[..., AbstractContextManager[httpx.Client]]:
    """`running`, for tests that need a service with settings of their own."""
    return running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(**env: str) -> Iterator[httpx.Client]:
    """The service in a process of its own; traffic is off unless the test asks for it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ours = ("DEMO_", "AIOSMON_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment = clean | {"DEMO_TRAFFIC": "0", "DEMO_URL": url} | env
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "demo.app:app"]
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers-kill-timeout", "5"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, env=environment)
    try:
        with httpx.Client(base_url=url, timeout=20) as http:
            poll(lambda: answers(http))
            yield http
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/healthz").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def shared() -> Iterator[httpx.Client]:
    with running() as http:
        yield http


@pytest.fixture
def http(shared: httpx.Client) -> Iterator[httpx.Client]:
    """The service without database or portal, healthy before and after each test."""
    yield shared
    shared.post("/demo/recover").raise_for_status()


class Portal:
    """Records the rows and votes it is sent; `answers` are given first, then 201 for ever."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.posts: list[tuple[float, dict[str, str], str, list[dict]]] = []
        self.accepted: list[dict] = []
        self.votes: list[dict] = []

    def named(self, metric: str) -> list[dict]:
        return [row for row in self.accepted if row["metric_name"] == metric]

    def forget(self) -> None:
        """Have recorded nothing yet."""
        for kept in (self.answers, self.posts, self.accepted, self.votes):
            kept.clear()


@contextmanager
def recording() -> Iterator[Portal]:
    """A portal that answers for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            rows = json.loads(gzip.decompress(body) if packed else body)
            recorder.posts.append((time.monotonic(), dict(self.headers), self.path, rows))
            status, headers = recorder.answers.pop(0) if recorder.answers else (201, {})
            taken = recorder.votes if "feedback" in self.path else recorder.accepted
            taken += rows if status == 201 else []
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            """Keep the test's output free of access lines."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorder = Portal(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The URL of a new database, dropped at the end."""
    admin, name = os.environ["DATABASE_URL"], f"demo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield make_conninfo(admin, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def predicting_service(database: str) -> Iterator[httpx.Client]:
    with running(DEMO_DATABASE_URL=database) as http:
        poll(lambda: http.get("/healthz").json()["pgml"] == "ready")
        yield http


@pytest.fixture
def predicting(predicting_service: httpx.Client) -> Iterator[httpx.Client]:
    """The service with a database, healthy again after each test."""
    yield predicting_service
    predicting_service.post("/demo/recover").raise_for_status()
