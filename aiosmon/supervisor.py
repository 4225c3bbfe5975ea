"""Keeps a set of services running: starts in order, restarts the dead, stops in order."""

import contextlib
import math
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from types import FrameType, TracebackType
from typing import Any, Self

from aiosmon.embedded import EmbeddedError
from aiosmon.processes import Child, Service, spawn

FIRST_BACKOFF = 0.5
LAST_BACKOFF = 30.0
HEALTHY_SECONDS = 60.0
# A loaded machine may need a minute; a program that can't start ends long before.
START_SECONDS = 180.0
# During start-up alone: a program that ends this often without ever working won't.
START_ATTEMPTS = 3
UPKEEP_SECONDS = 60.0
POLL_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Write = Callable[[str, str], None]


class StartError(Exception):
    """A service could not be brought up; the message carries its last lines."""


class StopRequested(Exception):
    """Ctrl-C or SIGTERM arrived while something was being waited for."""


@dataclass
class Watched:
    """A service with its current process and its record of failures."""

    service: Service
    child: Child | None = None
    failures: int = 0
    restart_at: float = 0.0
    ready: bool = False


class Supervisor:
    """Use as a context manager in the main thread; leaving it stops everything."""

    def __init__(self, write: Write, changed: Callable[[], None] = lambda: None) -> None:
        """``write(name, line)`` gets all output; ``changed()`` is called when a pid changed."""
        self._write = write
        self._changed = changed
        self._watched: dict[str, Watched] = {}
        self._stops = 0
        self._wakeup: tuple[int, int] = (-1, -1)
        self._handlers: dict[int, Any] = {}
        self._next_upkeep = time.monotonic() + UPKEEP_SECONDS

    def __enter__(self) -> Self:
        """Take over the stop signals and SIGCHLD."""
        self._wakeup = os.pipe()
        for end in self._wakeup:
            os.set_blocking(end, False)
        # Every signal writes a byte here, which wakes select(): no polling while all is well.
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            # `nohup` and the like: whoever had SIGHUP ignored wants to outlive the terminal.
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._handlers[number] = signal.signal(number, self._on_stop)
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all services, then give the signals back."""
        try:
            self.stop()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            for end in self._wakeup:
                os.close(end)

    @property
    def pids(self) -> dict[str, int]:
        """The running services' process ids."""
        return {
            name: watched.child.pid
            for name, watched in self._watched.items()
            if watched.child is not None and watched.child.returncode() is None
        }

    def start(self, *services: Service) -> None:
        """Start services together and wait until each is ready.

        Raises StartError when one is not within START_SECONDS or keeps ending, and
        StopRequested when told to stop meanwhile.
        """
        for service in services:
            self._watched[service.name] = Watched(service)
            self._spawn(self._watched[service.name])
        waiting = [self._watched[service.name] for service in services]
        deadline = time.monotonic() + START_SECONDS
        while waiting := [watched for watched in waiting if not self._is_ready(watched)]:
            for watched in waiting:
                if watched.failures >= START_ATTEMPTS or time.monotonic() > deadline:
                    raise StartError(_complaint(watched))
            self.tend(POLL_SECONDS)

    def run(self, service: Service, seconds: float) -> None:
        """Run a program to its end. StartError when it fails or takes longer than ``seconds``."""
        child = spawn(service, self._write)
        deadline = time.monotonic() + seconds
        try:
            while child.returncode() is None:
                if time.monotonic() > deadline:
                    raise StartError(f"{service.name} has not finished within {seconds:.0f} s.")
                self.tend(POLL_SECONDS)
        finally:
            child.end()
        if child.returncode() != 0:
            raise StartError(f"{service.name} {child.obituary()}; see its lines above.")

    def watch(self) -> None:
        """Keep everything running until a stop signal arrives."""
        with contextlib.suppress(StopRequested):
            while True:
                self.tend()

    def wait_for_input(self, descriptor: int, seconds: float) -> bool:
        """Whether the descriptor can be read within ``seconds``; tends the services meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.tend(1.0, descriptor):
                return True
        return False

    def tend(self, seconds: float = math.inf, also: int | None = None) -> bool:
        """Mend what needs mending, then wait for a signal, input on ``also``, or ``seconds``.

        It returns sooner when something falls due sooner; the result says whether ``also`` can
        be read. Raises StopRequested after a stop signal.
        """
        if self._stops:
            raise StopRequested
        for watched in self._watched.values():
            self._mend(watched)
        self._keep_up()
        return self._wait(min(seconds, self._idle_seconds()), also)

    def stop(self) -> None:
        """Stop the services by rank, each with its deadline; a second stop signal kills at once."""
        patience = self._stops + 1
        by_rank = sorted(self._watched.values(), key=lambda watched: watched.service.stop_rank)
        for _, rank in groupby(by_rank, key=lambda watched: watched.service.stop_rank):
            self._stop_together(list(rank), patience)
        self._watched.clear()

    def _stop_together(self, rank: list[Watched], patience: int) -> None:
        running = [(watched.service, watched.child) for watched in rank if watched.child]
        begun = time.monotonic()
        for service, child in running:
            child.signal(service.stop_signal)
        for service, child in running:
            while child.returncode() is None and self._stops < patience:
                if time.monotonic() - begun > service.stop_seconds:
                    self._say(f"{service.name} did not stop in {service.stop_seconds:.0f} s: kill")
                    break
                self._wait(POLL_SECONDS)
            child.end()
            self._say(f"{service.name} stopped")

    def _mend(self, watched: Watched) -> None:
        child, now = watched.child, time.monotonic()
        if child is None:
            if not watched.service.once and now >= watched.restart_at:
                self._spawn(watched)
        elif child.returncode() is not None:
            self._bury(watched, child, now)
        elif watched.failures and now - child.started > HEALTHY_SECONDS:
            watched.failures = 0

    def _bury(self, watched: Watched, child: Child, now: float) -> None:
        """A child has died: clear its group away, say why, and set the time of its restart."""
        child.end()
        watched.child = None
        name = watched.service.name
        if watched.service.once:
            self._say(f"{name} {child.obituary()}")
            if child.returncode() == 0:
                watched.service.succeeded()
        else:
            delay = self._back_off(watched, now)
            self._say(f"{name} {child.obituary()}; restarting in {delay:g} s")
            if watched.failures > 1:
                self._say(f"{name} failed {watched.failures} times; its last lines:")
                for line in child.tail:
                    self._say(f"  {line}")
        self._changed()

    def _back_off(self, watched: Watched, now: float) -> float:
        watched.failures += 1
        delay = min(FIRST_BACKOFF * 2 ** (watched.failures - 1), LAST_BACKOFF)
        watched.restart_at = now + delay
        return float(delay)

    def _spawn(self, watched: Watched) -> None:
        try:
            watched.child = spawn(watched.service, self._write)
        except (EmbeddedError, OSError) as error:
            delay = self._back_off(watched, time.monotonic())
            self._say(f"{watched.service.name} can't start: {error}; again in {delay:g} s")
        self._changed()

    def _is_ready(self, watched: Watched) -> bool:
        child = watched.child
        if not watched.ready and child is not None and child.returncode() is None:
            watched.ready = watched.service.ready(child.pid)
        return watched.ready

    def _keep_up(self) -> None:
        if time.monotonic() < self._next_upkeep:
            return
        self._next_upkeep = time.monotonic() + UPKEEP_SECONDS
        for watched in self._watched.values():
            with contextlib.suppress(OSError):
                watched.service.upkeep()

    def _idle_seconds(self) -> float:
        """Until the next thing to do that no signal will announce."""
        due: Iterable[float] = (
            watched.restart_at
            for watched in self._watched.values()
            if watched.child is None and not watched.service.once
        )
        return max(0.0, min(self._next_upkeep, *due, time.monotonic() + 5.0) - time.monotonic())

    def _wait(self, seconds: float, also: int | None = None) -> bool:
        watched = [self._wakeup[0]] + ([] if also is None else [also])
        readable, _, _ = select.select(watched, [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup[0], 4096)
        return also in readable

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def _say(self, line: str) -> None:
        self._write("supervisor", line)


def _complaint(watched: Watched) -> str:
    service, child = watched.service, watched.child
    state = child.obituary() if child is not None else f"ended {watched.failures} times"
    return f"{service.name} {state} and is not ready; `make doctor` may tell why."
