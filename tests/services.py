"""Early pytest plugin (`-p tests.services`): a PostgreSQL and a Valkey for the whole run.

pytest-django reads the settings before any conftest is loaded, so the servers'
addresses must be in the environment before that. It imports no Django.
"""

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from aiosmon.embedded import Postgres, Valkey
from aiosmon.embedded.binaries import SERVER_ENV
from aiosmon.processes import Child, Service, spawn
from aiosmon.runstate import is_running, take_lock

START_SECONDS = 30.0
PREFIX = "aiosmon-tests-"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start what no URL names; everything goes away with the run, however it ends."""
    stack = ExitStack()
    early_config.add_cleanup(stack.close)
    data = _temporary_data_dir(stack)
    os.environ["AIOSMON_DATA_DIR"] = str(data)
    os.environ.setdefault("AIOSMON_SECRET_KEY", secrets.token_urlsafe(50))
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = _start_postgres(data, stack)
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = _start_valkey(data, stack)


def _temporary_data_dir(stack: ExitStack) -> Path:
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # A run that was killed could not remove its own; one that is alive holds its lock.
        if old.stat().st_uid == os.geteuid() and not is_running(old):
            shutil.rmtree(old, ignore_errors=True)
    data = Path(tempfile.mkdtemp(prefix=PREFIX))
    stack.callback(os.close, take_lock(data))
    stack.callback(shutil.rmtree, data, ignore_errors=True)
    if os.geteuid() == 0:
        # PostgreSQL runs as another user then, who must pass through to its own folder.
        data.chmod(0o711)
    return data


def _start_postgres(data: Path, stack: ExitStack) -> str:
    server = Postgres(data, fsync=False)
    server.prepare()
    service = Service(
        "postgres",
        server.argv,
        SERVER_ENV,
        owner=server.owner,
        stop_signal=signal.SIGINT,
        # A pytest that is killed takes the server along at once; nobody needs its data.
        death_signal=signal.SIGQUIT,
    )
    _start(service, server.ready, stack)
    return server.ensure_database("aiosmon")


def _start_valkey(data: Path, stack: ExitStack) -> str:
    server = Valkey(data, fsync=False)
    server.prepare()
    service = Service("valkey", server.argv, SERVER_ENV, owner=server.owner)
    _start(service, server.ready, stack)
    return server.url


def _start(service: Service, ready: Callable[[], bool], stack: ExitStack) -> None:
    child = spawn(service)
    stack.callback(_stop, child)
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if child.returncode() is not None or time.monotonic() > deadline:
            tail = "\n".join(child.tail)
            raise pytest.UsageError(f"{service.name} did not start:\n{tail}")
        time.sleep(0.02)


def _stop(child: Child) -> None:
    child.signal(child.service.stop_signal)
    deadline = time.monotonic() + child.service.stop_seconds
    while child.returncode() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.end()
