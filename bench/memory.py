"""Promise: the whole running portal, PostgreSQL and Valkey included, holds less than 1 GiB.

Starts the real portal on data of its own, lets the demo's traffic and the
HALIE history run through it, and adds up what its processes hold. Shared
pages count in proportion (PSS): plain RSS would count them once per process.
The demo service is not the portal: it is printed, not added.
"""

import contextlib

import psutil

from tests.live.portal import Portal, wait_for

PROMISE_MIB = 1024
MIB = 1024 * 1024
ROWS = 4000


def run() -> bool:
    """Print the memory by part and the sum; True when the promise is kept."""
    portal = Portal(AIOSMON_DEMO_HISTORY="1", DEMO_TRAFFIC="5")
    try:
        wait_for("the portal to be ready", portal.ready, 180)
        wait_for("the history to be stored", lambda: rows(portal) > ROWS, 300)
        wait_for("the roll-ups to follow", lambda: pending(portal) == 0, 300)
        found = {"supervisor": portal.process.pid, **portal.state["pids"]}
        held = {name: tree_mib(pid, name == "supervisor") for name, pid in found.items()}
    finally:
        portal.stop()
    held.pop("history", None)
    demo = held.pop("demo", 0.0)
    total = sum(held.values())
    print(f"memory of the running portal, MiB (PSS), after {ROWS}+ rows")
    for name, mib in sorted(held.items(), key=lambda item: -item[1]):
        print(f"  {name:<12} {mib:7.1f}")
    print(f"  {'sum':<12} {total:7.1f}   promise < {PROMISE_MIB}   ratio {total / PROMISE_MIB:.2f}")
    print(f"  (demo service, not counted: {demo:.1f})")
    return total < PROMISE_MIB


def rows(portal: Portal) -> int:
    """Rows stored so far."""
    return int(portal.query("SELECT count(*) FROM ai_performance_metrics")[0][0])


def pending(portal: Portal) -> int:
    """Minutes whose roll-up is due, older than the current ones."""
    sql = "SELECT count(*) FROM pending_minutes WHERE minute < now() - interval '2 minutes'"
    return int(portal.query(sql)[0][0])


def tree_mib(pid: int, alone: bool) -> float:
    """Memory of a process, with its descendants unless ``alone``, in MiB."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *([] if alone else root.children(recursive=True))]:
            with contextlib.suppress(psutil.Error):
                full = process.memory_full_info()
                total += getattr(full, "pss", 0) or full.rss
    return total / MIB
