"""One child process: how it is started, watched, described and ended."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiosmon import launch
from aiosmon.embedded.paths import Owner

TAIL_LINES = 15
KILL_SECONDS = 5.0


def _nothing() -> None:
    """What a service without the callback does."""


def _always(_pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Service:
    """A program to keep running, and how to tell that it works."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path = Path("/")
    owner: Owner | None = None
    # Called with the pid; must return within a few seconds.
    ready: Callable[[int], bool] = _always
    before_start: Callable[[], None] = _nothing
    # Called about once a minute while it runs.
    upkeep: Callable[[], None] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the supervisor itself is killed.
    death_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    # Services stop in ascending order, those of one rank together.
    stop_rank: int = 0
    # Run once: its end is reported, not mended.
    once: bool = False
    # Called when a service that runs once has ended with exit code 0.
    succeeded: Callable[[], None] = _nothing


@dataclass
class Child:
    """A running (or just ended) process of a service."""

    service: Service
    process: subprocess.Popen[bytes]
    started: float
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The process id, which is also its group's."""
        return self.process.pid

    def returncode(self) -> int | None:
        """The exit code; negative for a signal, None while it runs."""
        return self.process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Signal the main process alone: it knows how to stop its own children."""
        if self.returncode() is None:
            self.process.send_signal(number)

    def end(self) -> None:
        """Kill what is left of the process group, and reap the main process."""
        kill_group(self.pid)
        # One stuck in the kernel must not keep the others from being ended.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(KILL_SECONDS)
        if self.reader is not None:
            self.reader.join(1.0)

    def obituary(self) -> str:
        """How it ended, e.g. ``was killed by signal 9``."""
        code = self.returncode()
        if code is None:
            return "is running"
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def spawn(service: Service, write: Callable[[str, str], None] | None = None) -> Child:
    """Start a service's process; each line it prints goes to ``write(name, line)``.

    Call it from the main thread: the kernel's death signal is tied to the forking thread.
    Raises whatever ``before_start`` raises.
    """
    service.before_start()
    owner = service.owner
    argv = launch.command(
        service.argv,
        uid=owner.uid if owner else None,
        gid=owner.gid if owner else None,
        death_signal=service.death_signal,
    )
    process = subprocess.Popen(
        argv,
        env=dict(service.env),
        cwd=service.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Here and not only in the shim: its group exists before anyone may need to kill it.
        start_new_session=True,
    )
    child = Child(service, process, time.monotonic())
    child.reader = threading.Thread(
        target=_read, args=(child, write), name=f"output of {service.name}", daemon=True
    )
    child.reader.start()
    return child


def _read(child: Child, write: Callable[[str, str], None] | None) -> None:
    stream = child.process.stdout
    if stream is None:
        return
    with stream:
        # Bounded: a program that prints no newline must not fill our memory.
        while raw := stream.readline(16_384):
            line = raw.decode(errors="replace").rstrip()
            child.tail.append(line)
            if write is not None:
                write(child.service.name, line)


def kill_group(pgid: int) -> None:
    """SIGKILL every process of a group that we own; none left is fine."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS says "not permitted" when only zombies are left.
        return


def start_time(pid: int) -> float | None:
    """When a process started (Unix time): with the pid, its identity. None when it is gone."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def end_survivors(known: Mapping[str, Sequence[float]]) -> list[str]:
    """Kill the groups of an earlier run's processes, given as name → (pid, start time).

    Returns the names of those that were still alive. A pid that has since gone
    to another program is left alone.
    """
    found = []
    for name, (pid, started) in known.items():
        now = start_time(int(pid))
        if now is not None and abs(now - started) < 1.0:
            kill_group(int(pid))
            found.append(name)
    return found
