"""The servers that a bench needs: PostgreSQL as in production, and a web server before it."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg

from aiosmon.embedded import Postgres
from aiosmon.embedded.binaries import SERVER_ENV
from aiosmon.processes import Child, Service, spawn
from tests.live.portal import free_port

CHECKOUT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0


@contextmanager
def database() -> Iterator[str]:
    """A migrated database on an embedded PostgreSQL with fsync on; yields its URL."""
    data = Path(tempfile.mkdtemp(prefix="aiosmon-bench-"))
    try:
        with kept_database(data) as url:
            manage(url, "bootstrap")
            yield url
    finally:
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def kept_database(data: Path) -> Iterator[str]:
    """The same in a directory of its own, which stays; not bootstrapped: that drops old rows."""
    data.chmod(0o711)
    with ExitStack() as stack:
        server = Postgres(data)
        server.prepare()
        owner = server.owner
        stop = signal.SIGINT
        child = spawn(Service("postgres", server.argv, SERVER_ENV, owner=owner, stop_signal=stop))
        stack.callback(child.end)
        wait(server.ready)
        stack.callback(_stop, child)
        url = server.ensure_database("aiosmon")
        manage(url, "migrate", "--noinput", "-v", "0")
        yield url


@contextmanager
def web(url: str, settings: str = "aiosmon.settings", interface: str = "asgi") -> Iterator[int]:
    """A granian on the database, with the given Django settings; yields its port."""
    port = free_port()
    argv = [sys.executable, "-m", "granian", "--host", "127.0.0.1", "--port", str(port)]
    argv += ["--interface", interface, "--workers", "1", "--no-ws", "--log-level", "error"]
    argv += ["--blocking-threads", "8"] if interface == "wsgi" else []
    argv += [f"aiosmon.{interface}:application"]
    process = subprocess.Popen(argv, cwd=CHECKOUT, env=environment(url, settings))
    try:
        wait(lambda: answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(20)


def query(url: str, sql: str) -> float:
    """The one figure that a statement gives."""
    with psycopg.connect(url) as connection:
        (figure,) = connection.execute(sql).fetchone()  # type: ignore[misc,call-overload]
        return float(figure)


def manage(url: str, *arguments: str, **more: str) -> str:
    """Run a management command on the database; returns what it printed.

    ``more`` is added to its environment.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment(url) | more,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def environment(url: str, settings: str = "aiosmon.settings") -> dict[str, str]:
    """The environment of a process of the portal on this database."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0"),
        "AIOSMON_SECRET_KEY": secrets.token_urlsafe(50),
        "AIOSMON_DEMO": "0",
        "DJANGO_SETTINGS_MODULE": settings,
    }


def wait(ready: Callable[[], object], seconds: float = START_SECONDS) -> None:
    """Until ``ready()`` is true; RuntimeError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError("a server of the bench did not start")
        time.sleep(0.05)


def _stop(child: Child) -> None:
    """With a checkpoint, so that the next start needs no recovery."""
    child.signal(child.service.stop_signal)
    wait(lambda: child.returncode() is not None)


def answers(port: int, path: str = "/healthz") -> bool:
    """Whether a GET there is answered with 200."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
