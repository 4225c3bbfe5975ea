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
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from aiosmon.embedded import Postgres, Valkey
from aiosmon.embedded.binaries import SERVER_ENV
from aiosmon.processes import Child, Service, spawn
from aiosmon.runstate import is_running, take_lock
from aiosmon.services import without_proxy

START_SECONDS = 30.0
PREFIX = "aiosmon-tests-"
# Where the data directory, and with it the lock, is in each kind of temporary folder.
STALE = {f"{PREFIX}*": "", "aiosmon-live-*": "data"}
STALE_SECONDS = 3600.0


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start both servers, which go away with the run, however it ends.

    Tests truncate and flush: the portal's own DATABASE_URL and REDIS_URL are not
    taken, only AIOSMON_TEST_DATABASE_URL and AIOSMON_TEST_REDIS_URL.
    """
    stack = ExitStack()
    early_config.add_cleanup(stack.close)
    forget_files()
    os.environ.update(without_proxy(os.environ))
    sweep()
    data = _temporary_data_dir(stack)
    os.environ["AIOSMON_DATA_DIR"] = str(data)
    os.environ.setdefault("AIOSMON_SECRET_KEY", secrets.token_urlsafe(50))
    database = os.environ.get("AIOSMON_TEST_DATABASE_URL")
    os.environ["DATABASE_URL"] = database or _start_postgres(data, stack)
    broker = os.environ.get("AIOSMON_TEST_REDIS_URL")
    os.environ["REDIS_URL"] = broker or _start_valkey(data, stack)


def forget_files() -> None:
    """A setting by file beside the same one by value stops the start."""
    for name in list(os.environ):
        if name.endswith("_FILE") and name.startswith(("AIOSMON_", "DATABASE_URL", "REDIS_URL")):
            del os.environ[name]


def sweep() -> None:
    """Remove what runs that were killed left behind; one that is alive holds its lock."""
    for pattern, data in STALE.items():
        for old in Path(tempfile.gettempdir()).glob(pattern):
            # Other runs make and remove theirs meanwhile; a fresh one has no lock yet.
            with suppress(FileNotFoundError):
                found = old.stat()
                stale = time.time() - found.st_mtime > STALE_SECONDS
                if stale and found.st_uid == os.geteuid() and not is_running(old / data):
                    shutil.rmtree(old, ignore_errors=True)


def _temporary_data_dir(stack: ExitStack) -> Path:
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
