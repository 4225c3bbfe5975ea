"""The machine's CPU and memory, and how much of them the portal itself takes."""

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from typing import Any

import psutil

from metrics.models import Category
from metrics.probes.base import PLATFORM_COMPONENT, Known, Sample, Spec
from metrics.units import Unit

# How long the two readings of CPU time lie apart (seconds), as in the specification.
SPAN_SECONDS = 1.0
MIB = 1024 * 1024


class SystemResources:
    """No target, no payload."""

    metric_name = "ai_system_cpu_usage"
    metric_category = Category.SYSTEM_HEALTH
    unit = Unit.PERCENT

    def check(self, target: str, payload: dict[str, Any]) -> None:
        """Nothing to check: it looks at the machine it runs on."""

    def known(self, payload: dict[str, Any]) -> Known:  # noqa: ARG002
        """Nothing."""
        return Known()

    async def measure(self, spec: Spec) -> list[Sample]:  # noqa: ARG002
        """CPU %, memory %, memory available, and the portal's own share of CPU and memory.

        The monitoring overhead is the CPU time of the portal's processes as a
        share of what all cores could give since this process's last run. The
        first run only reads: a second by itself says little about work that
        comes in bursts, least of all while the portal is starting.
        """
        psutil.cpu_percent(None)
        await asyncio.sleep(SPAN_SECONDS)
        cpu = psutil.cpu_percent(None)
        began, ended = _readings.get("last"), Reading.now()
        _readings["last"] = ended
        cores = psutil.cpu_count() or 1
        memory = psutil.virtual_memory()
        portal = {"processes": len(ended.seconds), "cores": cores}
        samples = [
            _sample("ai_system_cpu_usage", cpu, Unit.PERCENT, {"cores": cores}),
            _sample("ai_system_memory_usage", memory.percent, Unit.PERCENT),
            _sample("ai_system_memory_available", memory.available / MIB, Unit.MEGABYTES),
            _sample("monitoring_memory", memory_mib(), Unit.MEGABYTES, portal),
        ]
        return samples if began is None else [*samples, _overhead(began, ended, cores)]


@dataclass(frozen=True)
class Reading:
    """The CPU time (s) that each of the portal's processes had used at a moment."""

    at: float  # seconds, of a clock that only runs forward
    seconds: dict[tuple[int, float], float]  # by pid and start time

    @classmethod
    def now(cls) -> "Reading":
        """Read it."""
        found: dict[tuple[int, float], float] = {}
        for process in portal_processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                found[process.pid, process.create_time()] = times.user + times.system
        return cls(time.perf_counter(), found)

    def used_since(self, earlier: "Reading") -> float:
        """CPU seconds used in between; a process that began since counts in full."""
        return sum(used - earlier.seconds.get(key, 0.0) for key, used in self.seconds.items())


# The last run's reading. Two probes of this kind in one process share it harmlessly: each
# measures since the other.
_readings: dict[str, Reading] = {}


def _overhead(began: Reading, ended: Reading, cores: int) -> Sample:
    """The portal's share of all cores between two readings.

    The absolute figures stand beside it, since a percentage alone hides them.
    """
    span, used = ended.at - began.at, ended.used_since(began)
    figures = {
        "processes": len(ended.seconds),
        "cores": cores,
        "cpu_seconds": round(used, 3),
        "span_seconds": round(span, 3),
    }
    return _sample("monitoring_overhead", 100 * used / (span * cores), Unit.PERCENT, figures)


def portal_processes() -> list[psutil.Process]:
    """The portal's processes on this machine, without the demo service.

    Under the supervisor that is everything it started; run by other means,
    this process with its parent (the Celery worker) and siblings.
    """
    supervisor = os.environ.get("AIOSMON_SUPERVISOR_PID", "")
    own = psutil.Process()
    try:
        root = psutil.Process(int(supervisor)) if supervisor.isdigit() else own.parent() or own
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [own]
    return [process for process in family if not _is_demo(process)]


def memory_mib() -> float:
    """Memory the portal's processes hold in MiB; shared pages count in proportion (PSS)."""
    total = 0
    for process in portal_processes():
        with contextlib.suppress(psutil.Error):
            full = process.memory_full_info()
            total += getattr(full, "pss", 0) or full.rss
    return total / MIB


def _is_demo(process: psutil.Process) -> bool:
    try:
        return any("demo.app" in word for word in process.cmdline())
    except psutil.Error:
        return False


def _sample(name: str, value: float, unit: Unit, metadata: dict[str, Any] | None = None) -> Sample:
    return Sample(
        name,
        Category.SYSTEM_HEALTH,
        value,
        unit,
        component=PLATFORM_COMPONENT,
        metadata=metadata or {},
    )
