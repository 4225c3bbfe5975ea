"""The doctor's questions to running parts: stores, web, migrations.

Each answer is a pair (problem, mend). Stores are judged where they ought to
answer: external ones always, embedded ones while the portal runs.
"""

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aiosmon.embedded import data_dir, known_database_url, known_redis_url
from aiosmon.embedded.paths import CHECKOUT
from aiosmon.embedded.postgres import last_log_lines
from aiosmon.embedded.valkey import answers
from aiosmon.runstate import is_running, read_state

SECONDS = 3.0
MIGRATIONS_SECONDS = 60.0
LOG_LINES = 5

Answers = Iterator[tuple[str, str]]


def stores() -> Answers:
    """PostgreSQL and the broker."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        file = os.environ.get(f"{name}_FILE")
        if file is not None and not os.access(file, os.R_OK):
            yield f"{name}_FILE={file} can't be read.", "Correct the path, or who may read it."
            return
    yield from _database()
    yield from _broker()


def portal() -> Answers:
    """What a running portal says of itself in /readyz, and unapplied migrations."""
    data = data_dir()
    if not is_running(data):
        return
    url = read_state(data).get("url")
    if not url:
        return
    try:
        status, body = _get(f"{url}/readyz")
    except (OSError, http.client.HTTPException) as error:
        yield (
            f"The web server at {url} does not answer: {error}.",
            "Read the `web` lines of its run.",
        )
        return
    if status != 200:
        for name, text in failed_checks(body):
            yield f"/readyz says {name}: {text}", f"Read the `{name}` lines of the running portal."
    yield from _migrations()


def _database() -> Answers:
    external = _setting("DATABASE_URL")
    running = is_running(data_dir())
    url = external or (known_database_url() if running else None)
    if not url:
        return
    problem = _connect_problem(url)
    if problem and external:
        yield f"PostgreSQL at DATABASE_URL refuses: {problem}", "Start it, or correct DATABASE_URL."
    elif problem:
        log = "".join(f"\n    {line}" for line in last_log_lines(data_dir(), LOG_LINES))
        mend = (
            "The supervisor restarts it; if that does not help, stop the portal, "
            "mend what the log names and run `make run` again."
        )
        yield f"The embedded PostgreSQL does not answer: {problem}. Its log ends with:{log}", mend


def _setting(name: str) -> str | None:
    # aiosmon.env does this for the portal; it needs Django, which may not be installed yet.
    file = os.environ.get(f"{name}_FILE")
    return os.environ.get(name) if file is None else Path(file).read_text().strip()


def _connect_problem(url: str) -> str:
    """Why a query fails; empty when it is answered."""
    try:
        import psycopg
    except ImportError:
        # Asked by a Python outside the virtual environment: whether it listens is all it can tell.
        parts = urlsplit(url)
        listens = _listens(parts.hostname or "127.0.0.1", parts.port or 5432)
        return "" if listens else "nothing listens there"
    try:
        with psycopg.connect(url, connect_timeout=int(SECONDS)) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return (str(error).strip().splitlines() or ["no message"])[0]
    return ""


def _broker() -> Answers:
    external = _setting("REDIS_URL")
    url = external or (known_redis_url() if is_running(data_dir()) else None)
    if not url or not url.startswith("redis://"):
        return
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 6379
    if answers(host, port, unquote(parts.password or "")):
        return
    if external:
        why = "refuses the password" if _listens(host, port) else "does not listen"
        yield f"The broker at {host}:{port} {why}.", "Start it, or correct REDIS_URL."
    else:
        yield (
            f"The embedded Valkey at {host}:{port} does not answer.",
            "The supervisor restarts it; if that does not help, read its lines in the run.",
        )


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def _migrations() -> Answers:
    python = CHECKOUT / ".venv" / "bin" / "python"
    argv = [str(python), "manage.py", "migrate", "--check", "--noinput"]
    try:
        done = subprocess.run(
            argv, cwd=CHECKOUT, capture_output=True, timeout=MIGRATIONS_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode != 0:
        yield (
            "Migrations are not applied: the code is newer than the database.",
            "Stop the portal and run `make run`, which applies them.",
        )


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def failed_checks(body: bytes) -> Answers:
    """The checks in /readyz's answer that did not pass: (name, what it says)."""
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError, TypeError):
        yield "web", "an answer that is no JSON"
        return
    yield from ((name, text) for name, text in checks.items() if text != "ok")
