"""The portal's web server in a process of its own, on the tests' database."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from django.db import connection

from aiosmon import launch
from tests.live.portal import free_port

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS, STOP_SECONDS = 60.0, 20.0


@contextmanager
def web_server() -> Iterator[str]:
    """A granian for the length of the block; yields its URL."""
    port = free_port()
    argv = [sys.executable, "-m", "granian", "--host", "127.0.0.1", "--port", str(port)]
    argv += ["--interface", "asgi", "--workers", "1", "--no-ws", "--log-level", "error"]
    process = subprocess.Popen(
        launch.command([*argv, "aiosmon.asgi:application"]), cwd=CHECKOUT, env=_environment()
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _environment() -> dict[str, str]:
    """Ours, with the database that the tests use in place of the one it was made from."""
    name = connection.settings_dict["NAME"]
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    return {**os.environ, "DATABASE_URL": url}


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/healthz", timeout=5)
        except httpx.HTTPError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        else:
            return
