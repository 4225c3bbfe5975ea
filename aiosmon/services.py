"""The portal's services: the command line, readiness and end of each."""

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiosmon import readiness
from aiosmon.embedded import Postgres, Valkey
from aiosmon.embedded.binaries import SERVER_ENV
from aiosmon.embedded.paths import CHECKOUT
from aiosmon.processes import Service

STOP_RANKS = {
    "beat": 0,
    "worker": 1,
    "probes": 1,
    "delivery": 1,
    "history": 1,
    # Before the web server, which takes its last rows.
    "demo": 2,
    "web": 3,
    "valkey": 4,
    "postgres": 5,
}
NO = frozenset({"0", "no", "false", "off"})
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PortalError(Exception):
    """The portal can't start; the message says what is wrong and what mends it."""


@dataclass(frozen=True)
class Options:
    """What the environment asks for."""

    host: str
    port: int
    demo: bool
    demo_port: int

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Options":
        """Raises PortalError for a port that is no port number."""
        return cls(
            host=environ.get("AIOSMON_HOST") or "127.0.0.1",
            port=_port(environ, "AIOSMON_PORT", 8000),
            demo=is_on(environ.get("AIOSMON_DEMO")),
            demo_port=_port(environ, "AIOSMON_DEMO_PORT", 8090),
        )

    @property
    def url(self) -> str:
        """Where a program on this machine finds the portal; others may need AIOSMON_URL."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def url_host(self) -> str:
        """The host in ``url`` as Django's ALLOWED_HOSTS wants it: no port, IPv6 in brackets."""
        return urlsplit(self.url).netloc.rpartition(":")[0]

    @property
    def demo_url(self) -> str:
        """Where the demo service answers."""
        return f"http://127.0.0.1:{self.demo_port}"


class Services:
    """Builds the services of one run; ``env`` may still grow between two of them."""

    def __init__(self, options: Options, env: dict[str, str]) -> None:
        """``env`` is what every Django process gets."""
        self.options = options
        self.env = env

    def postgres(self, server: Postgres) -> Service:
        """The embedded PostgreSQL."""
        return Service(
            "postgres",
            server.argv,
            SERVER_ENV,
            owner=server.owner,
            ready=lambda _: server.ready(),
            before_start=server.recover,
            upkeep=server.upkeep,
            # SIGTERM would wait for every client to leave by itself.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_seconds=30.0,
            stop_rank=STOP_RANKS["postgres"],
        )

    def valkey(self, server: Valkey) -> Service:
        """The embedded Valkey."""
        return Service(
            "valkey",
            server.argv,
            SERVER_ENV,
            owner=server.owner,
            ready=lambda _: server.ready(),
            stop_rank=STOP_RANKS["valkey"],
        )

    def manage(self, command: str, *arguments: str, **env: str) -> Service:
        """A run of ``manage.py command``."""
        return self._service(command, "manage.py", command, *arguments, env=env)

    def web(self) -> Service:
        """The portal's web server."""
        arguments = ["--interface", "asgi", "aiosmon.asgi:application", "--no-ws"]
        arguments += ["--host", self.options.host, "--port", str(self.options.port)]
        # What is under way at once; ingestion itself says 503 before its queue is full.
        arguments += ["--workers", "1", "--backpressure", "1024"]
        # Without the kill timeout a SIGTERM during a worker's boot hangs.
        arguments += ["--respawn-failed-workers", "--workers-kill-timeout", "5"]
        healthz = f"{self.options.url}/healthz"
        return self._service(
            "web", "-m", "granian", *arguments, ready=lambda _: readiness.status(healthz) == 200
        )

    def demo(self, api_key: str) -> Service:
        """The demo AI service, which reports to the portal with ``api_key``."""
        arguments = ["--interface", "asgi", "demo.app:app", "--workers-kill-timeout", "5"]
        arguments += ["--host", "127.0.0.1", "--port", str(self.options.demo_port), "--no-ws"]
        url = self.options.demo_url
        env = {"DEMO_URL": url, "AIOSMON_URL": self.options.url, "AIOSMON_API_KEY": api_key}
        return self._service(
            "demo", "-m", "granian", *arguments, env=env, ready=lambda _: readiness.answers(url)
        )

    def _celery(self, name: str, *arguments: str) -> Service:
        # SIGQUIT is Celery's cold shutdown: without a supervisor nobody waits for a warm one.
        # Tasks are acknowledged late, so what it interrupts is delivered again.
        return self._service(
            name,
            *("-m", "celery", "--quiet", "-A", "aiosmon", *arguments),
            ready=readiness.is_connected,
            death_signal=signal.SIGQUIT if arguments[0] == "worker" else signal.SIGTERM,
        )

    def worker(self) -> Service:
        """The worker for everything but probes."""
        arguments = ["-n", "worker@%h", "-Q", "celery", "-c", "3", "--prefetch-multiplier", "1"]
        return self._celery("worker", "worker", *arguments, "--without-gossip", "--without-mingle")

    def probes(self) -> Service:
        """The probes' worker: threads, since a probe mostly waits for its target."""
        arguments = ["-n", "probes@%h", "-Q", "probes", "-P", "threads", "-c", "8"]
        arguments += ["--prefetch-multiplier", "1", "--without-gossip", "--without-mingle"]
        return self._celery("probes", "worker", *arguments)

    def delivery(self) -> Service:
        """The worker that tells people: threads, since sending mostly waits for the channel."""
        arguments = ["-n", "delivery@%h", "-Q", "delivery", "-P", "threads", "-c", "12"]
        arguments += ["--prefetch-multiplier", "1", "--without-gossip", "--without-mingle"]
        return self._celery("delivery", "worker", *arguments)

    def beat(self) -> Service:
        """The scheduler."""
        return self._celery("beat", "beat", "--pidfile=")

    def history(self, succeeded: Callable[[], None]) -> Service:
        """The one-shot load of the HALIE trace; ``succeeded()`` is called once all is stored."""
        arguments = ["manage.py", "replay", "halie", "--yes", "--url", self.options.url]
        return self._service("history", *arguments, once=True, succeeded=succeeded)

    def _service(
        self, name: str, *arguments: str, env: Mapping[str, str] | None = None, **options: Any
    ) -> Service:
        argv = [sys.executable, *arguments]
        environ = {**self.env, **(env or {})}
        rank = STOP_RANKS.get(name, 0)
        return Service(name, argv, environ, cwd=CHECKOUT, stop_rank=rank, **options)


def is_on(value: str | None) -> bool:
    """Whether a switch that is on by default is on: unset, empty, or anything but a no."""
    return (value or "1").strip().lower() not in NO


def without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both spellings, with this machine added: no proxy can reach our servers."""
    given = ",".join(environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    words = [word.strip() for word in given.split(",") if word.strip()]
    # An asterisk only counts when it stands alone.
    value = "*" if "*" in words else ",".join(dict.fromkeys([*words, *LOOPBACK]))
    return {"no_proxy": value, "NO_PROXY": value}


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise PortalError(f"{name}={text!r} is not a port number (1 to 65535).")
    return int(text)
