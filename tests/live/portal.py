"""The portal's real processes, as `make run` starts them, on ports and data of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from aiosmon import launch
from aiosmon.embedded import ports

CHECKOUT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse-battery"
SETTINGS = ("AIOSMON_", "DEMO_", "DATABASE_URL", "REDIS_URL")
T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], seconds: float = 60.0) -> T:
    """The first true value of ``condition``; AssertionError naming ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for: {what}"
        time.sleep(0.1)


def free_port(*taken: int) -> int:
    """A port that nobody listens on just now, nor gets for an outgoing connection."""
    return ports.choose(None, taken)


class Portal:
    """One running portal."""

    def __init__(self, **env: str) -> None:
        """Start it; ``ready()`` tells when it works."""
        self.data = Path(tempfile.mkdtemp(prefix="aiosmon-live-"))
        # The embedded servers of a root-run portal belong to an unprivileged user.
        self.data.chmod(0o755)
        self.log = self.data / "portal.log"
        self.port = free_port()
        self.demo_port = free_port(self.port)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
        settings = {
            "AIOSMON_DATA_DIR": str(self.data / "data"),
            "AIOSMON_PORT": str(self.port),
            "AIOSMON_DEMO_PORT": str(self.demo_port),
            "AIOSMON_DEMO_HISTORY": "0",
            "AIOSMON_ADMIN_PASSWORD": PASSWORD,
            "AIOSMON_RESOLVE_GRACE_SECONDS": "5",
            # Each breach is an incident of its own: of one, people hear once.
            "AIOSMON_INCIDENT_SPAN_SECONDS": "0",
            "DEMO_TRAFFIC": "0",
            # The tests' receivers of notifications.
            "AIOSMON_NOTIFY_ALLOW": "127.0.0.1",
        }
        # A pytest that is killed takes the portal along.
        argv = [sys.executable, "manage.py", "run"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                launch.command(argv, death_signal=signal.SIGTERM),
                cwd=CHECKOUT,
                env={**inherited, **settings, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        """Where the portal answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def demo_url(self) -> str:
        """Where the demo service answers."""
        return f"http://127.0.0.1:{self.demo_port}"

    @property
    def state(self) -> dict[str, Any]:
        """What the supervisor says of its children; empty while it starts."""
        try:
            found: dict[str, Any] = json.loads((self.data / "data/run/state.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def ready(self) -> bool:
        """Whether database, broker and beat work."""
        assert self.process.poll() is None, f"the portal ended:\n{self.tail()}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def tail(self, lines: int = 60) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement on the portal's database, committed."""
        with psycopg.connect(self.state["database_url"], connect_timeout=5) as connection:
            cursor = connection.execute(sql, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def kill(self, service: str) -> int:
        """SIGKILL a child; returns the pid it had."""
        pid = int(self.state["pids"][service])
        os.kill(pid, signal.SIGKILL)
        return pid

    def restarted(self, service: str, old_pid: int) -> bool:
        """Whether the supervisor has started the child anew."""
        return self.state.get("pids", {}).get(service) not in {None, old_pid}

    def stop(self) -> int:
        """Ctrl-C; returns the exit code and removes the data."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        finally:
            shutil.rmtree(self.data, ignore_errors=True)

    def sign_in(self) -> httpx.Client:
        """A client with the administrator's session."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=30)
        client.get("/admin/login/")
        form = {
            "username": "admin",
            "password": PASSWORD,
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
            "next": "/admin/",
        }
        answer = client.post("/admin/login/", data=form, headers={"Referer": self.url})
        assert "sessionid" in client.cookies, answer.text[:500]
        return client
