"""What happens to the exporters when the process forks or ends."""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiosmon_sdk.exporter import Exporter

EXPORTERS: weakref.WeakSet[Exporter] = weakref.WeakSet()


def close_all() -> None:
    """Flush and end all exporters, side by side, within the longest ``exit_seconds``."""
    exporters = list(EXPORTERS)
    longest = max((exporter.options.exit_seconds for exporter in exporters), default=0)
    deadline = time.perf_counter() + longest
    for exporter in exporters:
        exporter.hurry(deadline)
    for exporter in exporters:
        exporter.close(max(0.0, deadline - time.perf_counter()))


def _reset_all() -> None:
    for exporter in list(EXPORTERS):
        exporter.reset()


def flush_when_a_worker_process_ends() -> None:
    """A process of multiprocessing may end without atexit; it runs its own finalizers."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, close_all, exitpriority=10)


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
