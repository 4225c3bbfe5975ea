"""Promise: what the SLA engine does follows new data, not history, and 30 days are read at once.

A month of one million rows and one of ten, each with 200 objectives, are made
once and kept in AIOSMON_BENCH_CACHE (under the system's temporary folder
unless set). A pass, roll-up and SLI count, over 10,000 new rows must take as
long with either; p95 by hour, the compliance of all objectives and a client's
month are held against plain SQL over the rows, whose answers must be the same.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from aiosmon.runstate import take_lock
from bench import servers

SMALL, LARGE = 1_000_000, 10_000_000
PASSES = 5
SAME, FASTER = 0.2, 100.0
# What was made by another version of bench/slas_data.py is made anew.
GENERATION = 2


def run() -> bool:
    """Print seconds and ratios; True when the promises are kept."""
    with ExitStack() as stack:
        stack.callback(os.close, take_lock(cache()))
        small, large = (stack.enter_context(history(rows)) for rows in (SMALL, LARGE))
        passes: dict[str, list[float]] = {small: [], large: []}
        # In turns: whatever else the machine does then slows down both.
        for number in range(PASSES):
            for url, seconds in passes.items():
                seconds += child(url, "pass", str(number))["seconds"]
        for url in passes:
            child(url, "forget")
        kept = [same(*passes.values())]
        questions = child(large, "questions")
    return all([*kept, *(line(name, *times) for name, times in questions.items())])


def same(small: list[float], large: list[float]) -> bool:
    """Print what a pass takes; True when it doesn't depend on history."""
    medians = []
    for rows, seconds in ((SMALL, small), (LARGE, large)):
        median = statistics.median(seconds)
        print(
            f"  pass over 10,000 new rows, {rows:>10,} rows of history: {median:.2f} s, "
            f"the fastest of {len(seconds)} {min(seconds):.2f} s"
        )
        medians.append(median)
    ratio = medians[1] / medians[0]
    print(f"  ratio {ratio:.2f}   promise {1 - SAME:g} to {1 + SAME:g}")
    return 1 - SAME <= ratio <= 1 + SAME


def line(name: str, ours: float, rows: float) -> bool:
    """Print one question's times; True when ours is fast enough."""
    ratio = rows / ours
    print(
        f"  {name:<36} {ours * 1000:8.1f} ms   from rows {rows * 1000:9,.0f} ms   "
        f"ratio {ratio:6.0f}   promise >= {FASTER:g}"
    )
    return ratio >= FASTER


def cache() -> Path:
    """Where the histories are kept; the server's own user must be able to enter it."""
    default = Path(tempfile.gettempdir()) / "aiosmon-bench-slas"
    path = Path(os.environ.get("AIOSMON_BENCH_CACHE", default))
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o711)
    return path


@contextmanager
def history(rows: int) -> Iterator[str]:
    """A database with so many rows in a month, made at the first time; yields its URL."""
    data = cache() / f"{rows}-{GENERATION}"
    made = data / "made"
    if not made.exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
    with servers.kept_database(data) as url:
        if not made.exists():
            servers.manage(url, "bootstrap")
            child(url, "make", str(rows))
            made.touch()
        # A history that an earlier version made is marked to be summed up by hour.
        child(url, "catch_up")
        megabytes = servers.query(url, "SELECT pg_database_size(current_database()) / 1e6")
        print(f"  {rows:,} rows of history in {data}: {megabytes:,.0f} MB")
        yield url


def child(url: str, *arguments: str) -> dict[str, Any]:
    """Run bench.slas_questions, a process of the portal; returns what it measured."""
    environment = servers.environment(url)
    # The history may have been made long ago.
    days = {"AIOSMON_ROW_RETENTION_DAYS": "3650", "AIOSMON_MINUTE_RETENTION_DAYS": "3650"}
    argv = [sys.executable, "-m", "bench.slas_questions", *arguments]
    done = subprocess.run(
        argv,
        cwd=servers.CHECKOUT,
        env=environment | days,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found
