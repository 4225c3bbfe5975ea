"""`make run`: which processes make the portal, in which order, with which environment."""

import io
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiosmon import runstate
from aiosmon.embedded import EmbeddedError, Postgres, Valkey, data_dir, ports, secret_key
from aiosmon.embedded.paths import read_json
from aiosmon.processes import end_survivors, start_time
from aiosmon.services import Options, PortalError, Services, is_on, without_proxy
from aiosmon.supervisor import StartError, StopRequested, Supervisor

MIGRATE_SECONDS = 600.0
ANSWER_SECONDS = 60.0
NAME_WIDTH = 10
ALLOWED_HOSTS = "localhost,127.0.0.1,[::1]"  # as in settings.py


class Portal:
    """One run of the portal on one data directory."""

    def __init__(self, data: Path, options: Options, environ: Mapping[str, str]) -> None:
        """Nothing is started or written yet."""
        self.data = data
        self.options = options
        self.env = {
            **environ,
            **without_proxy(environ),
            "AIOSMON_DATA_DIR": str(data),
            "AIOSMON_SUPERVISOR_PID": str(os.getpid()),
            "AIOSMON_URL": environ.get("AIOSMON_URL") or options.url,
            "DEMO_URL": options.demo_url,
            "DJANGO_SETTINGS_MODULE": "aiosmon.settings",
            "PYTHONUNBUFFERED": "1",
        }
        self._allow_own_host()
        self.bootstrap: dict[str, Any] = {}
        self._state_is_kept = True
        self.services = Services(options, self.env)
        self.supervisor = Supervisor(write_line, self._save_state)

    def run(self) -> None:
        """Start everything and keep it running until Ctrl-C or SIGTERM.

        Raises PortalError, StartError, EmbeddedError or AlreadyRunningError, each with the fix.
        """
        lock = runstate.take_lock(self.data)
        try:
            self._clear_survivors()
            self._check_ports()
            with self.supervisor:
                try:
                    self._start()
                except StopRequested:
                    return
                self.supervisor.watch()
        finally:
            (runstate.run_dir(self.data) / "state.json").unlink(missing_ok=True)
            os.close(lock)

    def _start(self) -> None:
        self._start_stores()
        self._bootstrap()
        api_key = str(self.bootstrap.get("demo_api_key", ""))
        history = self.options.demo and self._wants_history()
        make = self.services
        self.supervisor.start(make.web())
        rest = [make.worker(), make.probes(), make.delivery(), make.beat()]
        if self.options.demo:
            rest.append(make.demo(api_key))
        self.supervisor.start(*rest)
        if history:
            self.supervisor.start(make.history(lambda: self._note(history_pending=None)))
        self._print_banner()
        # Only now: a start that ends before the banner must leave its news to the next one.
        self._note(first_start=False, admin_user=None, admin_password=None)

    def _start_stores(self) -> None:
        if not _given(self.env, "AIOSMON_SECRET_KEY"):
            secret_key(self.data)
        if not _given(self.env, "DATABASE_URL"):
            self._start_postgres()
        if not _given(self.env, "REDIS_URL"):
            self._start_valkey()
        if demo_database := self.env.get("DEMO_DATABASE_URL"):
            self.env["AIOSMON_PROBE_DSN_DEMO"] = demo_database

    def _start_postgres(self) -> None:
        server = Postgres(self.data)
        server.prepare()
        self.supervisor.start(self.services.postgres(server))
        self.env["DATABASE_URL"] = server.ensure_database("aiosmon")
        if self.options.demo and not self.env.get("DEMO_DATABASE_URL"):
            self.env["DEMO_DATABASE_URL"] = server.ensure_database("aiosmon_demo")

    def _start_valkey(self) -> None:
        server = Valkey(self.data)
        server.prepare()
        self.supervisor.start(self.services.valkey(server))
        self.env["REDIS_URL"] = server.url

    def _bootstrap(self) -> None:
        """Bring the schema up to date, and make what the first start needs."""
        self.supervisor.run(self.services.manage("migrate", "--noinput"), MIGRATE_SECONDS)
        file = runstate.bootstrap_file(self.data)
        command = self.services.manage("bootstrap", AIOSMON_BOOTSTRAP_FILE=str(file))
        self.supervisor.run(command, MIGRATE_SECONDS)
        self.bootstrap = read_json(file) or {}

    def _note(self, **changes: Any) -> None:
        """Remember for the next start what has been shown, answered or done."""
        try:
            self.bootstrap = runstate.update_bootstrap(self.data, **changes)
        except OSError as error:
            write_line("supervisor", f"can't write bootstrap.json: {error.strerror}")

    def _wants_history(self) -> bool:
        """Whether to load the HALIE trace: on the first start, and until it was loaded."""
        pending = bool(self.bootstrap.get("history_pending"))
        if not pending and not self.bootstrap.get("first_start"):
            return False
        if pending or not sys.stdin.isatty() or "AIOSMON_DEMO_HISTORY" in self.env:
            wanted = is_on(self.env.get("AIOSMON_DEMO_HISTORY"))
        else:
            wanted = self._ask_for_history()
        self._note(history_pending=wanted or None)
        return wanted

    def _ask_for_history(self) -> bool:
        sys.stdout.write("Load the HALIE trace (3,979 real requests) as history? [Y/n] ")
        sys.stdout.flush()
        # Not input(): it would swallow a Ctrl-C, and PostgreSQL goes unwatched meanwhile.
        if not self.supervisor.wait_for_input(sys.stdin.fileno(), ANSWER_SECONDS):
            return True
        return sys.stdin.readline().strip().lower() not in {"n", "no"}

    def _clear_survivors(self) -> None:
        """End what a supervisor that was killed has left where the kernel didn't."""
        for name in end_survivors(runstate.read_state(self.data).get("processes", {})):
            write_line("supervisor", f"ended {name}, left over from a run that was killed")

    def _check_ports(self) -> None:
        wanted = [("AIOSMON_PORT", self.options.host, self.options.port, "make run PORT=8001")]
        if self.options.demo:
            port = self.options.demo_port
            wanted.append(("AIOSMON_DEMO_PORT", "127.0.0.1", port, "AIOSMON_DEMO_PORT=8091"))
        for variable, host, port, fix in wanted:
            if not ports.is_free(host, port):
                holder = f" by {found}" if (found := ports.holder(port)) else ""
                raise PortalError(
                    f"Port {port} on {host} ({variable}) is taken{holder}. "
                    f"Stop that program, or choose another port, e.g. {fix}."
                )

    def _save_state(self) -> None:
        pids = self.supervisor.pids
        state = {
            "supervisor_pid": os.getpid(),
            "pids": pids,
            "processes": {name: [pid, start_time(pid) or 0.0] for name, pid in pids.items()},
            "url": self.options.url,
            "demo_url": self.options.demo_url if self.options.demo else None,
            "database_url": self.env.get("DATABASE_URL"),
            "redis_url": self.env.get("REDIS_URL"),
            "demo_database_url": self.env.get("DEMO_DATABASE_URL"),
        }
        try:
            runstate.write_state(self.data, state)
        except OSError as error:
            # A full disk: the services go on, only `make doctor` has old pids to look at.
            if self._state_is_kept:
                write_line("supervisor", f"can't write state.json: {error.strerror}")
            self._state_is_kept = False
        else:
            self._state_is_kept = True

    def _allow_own_host(self) -> None:
        """The demo, the history and the doctor call the web server by its internal address."""
        hosts = self.env.get("AIOSMON_ALLOWED_HOSTS")
        if hosts is None and (file := self.env.pop("AIOSMON_ALLOWED_HOSTS_FILE", None)):
            try:
                hosts = Path(file).read_text(encoding="utf-8").strip()
            except OSError as error:
                why = f"AIOSMON_ALLOWED_HOSTS_FILE={file} can't be read: {error.strerror}."
                raise PortalError(why) from error
        self.env["AIOSMON_ALLOWED_HOSTS"] = f"{hosts or ALLOWED_HOSTS},{self.options.url_host}"

    def _print_banner(self) -> None:
        lines = ["", "=" * 72, f"  AIOSMON runs at {self.options.url}/"]
        if password := self.bootstrap.get("admin_password"):
            user = self.bootstrap.get("admin_user", "admin")
            lines.append(f"  Sign in as {user} with {password}   (shown this once)")
        if self.options.demo:
            lines.append(f"  Demo AI service: {self.options.demo_url}")
        lines += [f"  Data: {self.data}", "  Ctrl-C stops it.", "=" * 72, ""]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


_output = threading.Lock()


def write_line(name: str, line: str) -> None:
    """Print one line of a child's, whole and with its name before it."""
    try:
        with _output:
            sys.stdout.write(f"{name:<{NAME_WIDTH}} | {line}\n")
            sys.stdout.flush()
    except OSError:
        # The terminal is gone; the portal need not go with it before SIGHUP says so.
        return


def main() -> int:
    """Run the portal of this checkout; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A child's line may hold letters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        Portal(data_dir(), Options.read(os.environ), os.environ).run()
    except (PortalError, StartError, EmbeddedError, runstate.AlreadyRunningError) as error:
        sys.stderr.write(f"\nThe portal did not start: {error}\n")
        return 1
    sys.stdout.write("The portal has stopped.\n")
    return 0


def _given(env: Mapping[str, str], name: str) -> bool:
    """Whether a setting has a value, directly or by file."""
    return bool(env.get(name) or env.get(f"{name}_FILE"))


if __name__ == "__main__":
    sys.exit(main())
