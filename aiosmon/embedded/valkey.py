"""A Valkey server of our own: the Celery broker when REDIS_URL names none."""

import json
import secrets
import socket
from pathlib import Path
from typing import Any

from aiosmon.embedded import binaries, ports
from aiosmon.embedded.paths import (
    create_data_dir,
    create_server_dir,
    data_dir,
    read_json,
    server_owner,
    write_private,
)

STATE = "valkey.json"
PROBE_SECONDS = 2.0

SETTINGS = {
    "bind": "127.0.0.1",
    "appendonly": "yes",
    "maxmemory": "256mb",
    # A broker that evicts loses tasks: refuse the write instead.
    "maxmemory-policy": "noeviction",
    # The append-only file is enough; dumps beside it only cost I/O.
    "save": '""',
    # The banner and each connection are not worth a line; warnings are.
    "loglevel": "warning",
}


def url(state: dict[str, Any]) -> str:
    """The URL of the server that a state file describes."""
    return f"redis://:{state['password']}@127.0.0.1:{state['port']}/0"


def known_redis_url() -> str | None:
    """The URL that an earlier start recorded, running or not; None before the first."""
    state = read_json(data_dir() / STATE)
    return url(state) if state else None


class Valkey:
    """The embedded server of one data directory: ``prepare()``, then run ``argv``."""

    def __init__(self, data: Path, *, fsync: bool = True) -> None:
        """``fsync=False`` is for tests alone: a crash of the machine would lose tasks."""
        self.data = data
        self.fsync = fsync
        self.owner = server_owner()
        self.directory = data / "valkey"
        self._program = Path()
        self._state: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """The broker's URL; valid after ``prepare()``."""
        return url(self._state)

    @property
    def argv(self) -> list[str]:
        """The server's command line; valid after ``prepare()``."""
        return [str(self._program), str(self._config)]

    @property
    def _config(self) -> Path:
        return self.directory / "valkey.conf"

    def prepare(self) -> None:
        """Choose port and password, write the configuration. EmbeddedError with the fix."""
        create_data_dir(self.data)
        self._program = binaries.valkey_server(self.data, self.owner)
        create_server_dir(self.directory, self.owner)
        known = read_json(self.data / STATE) or {}
        self._state = {
            "port": ports.choose(known.get("port")),
            "password": known.get("password") or secrets.token_urlsafe(24),
        }
        if self._state != known:
            write_private(self.data / STATE, json.dumps(self._state))
        # In a file, not on the command line, where every user could read the password.
        write_private(self._config, self._configuration(), self.owner)

    def ready(self) -> bool:
        """Whether PING is answered; false while the append-only file is still loading."""
        return answers("127.0.0.1", self._state["port"], self._state["password"])

    def _configuration(self) -> str:
        settings = {
            **SETTINGS,
            "port": str(self._state["port"]),
            "requirepass": self._state["password"],
            "dir": _quoted(str(self.directory)),
            # Written to disk before the answer, so that an accepted task survives a crash.
            "appendfsync": "always" if self.fsync else "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())


def answers(host: str, port: int, password: str) -> bool:
    """Whether a Redis-like server there takes the password (empty: none) and answers PING."""
    login = f"AUTH {password}\r\n" if password else ""
    try:
        with socket.create_connection((host, port), timeout=PROBE_SECONDS) as connection:
            connection.sendall(f"{login}PING\r\nQUIT\r\n".encode())
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError:
        return False
    return b"+PONG\r\n" in answer


def _quoted(text: str) -> str:
    """A configuration value with spaces, quotes or non-ASCII letters in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
