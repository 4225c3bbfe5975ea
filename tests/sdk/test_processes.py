"""Forks, ends of processes, and interpreters that are older than the portal's."""

import ast
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.sdk.portal import FakePortal, wait_until

SOURCE = Path(__file__).resolve().parents[2] / "sdk" / "src" / "aiosmon_sdk"
SETUP = """
import multiprocessing, os, sys, aiosmon_sdk
aiosmon_sdk.configure(url=sys.argv[1], api_key="aiosmon_key", batch_seconds=0.2)
record = aiosmon_sdk.record
"""


def run(portal: FakePortal, script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SETUP + script, portal.url],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )


def names(portal: FakePortal) -> Counter[str]:
    """How often each row arrived, whatever its event id."""
    return Counter(row["metric_name"] for row in portal.rows)


def test_parent_and_child_deliver_their_own_rows_once(portal: FakePortal) -> None:
    script = """
for _ in range(300): record("before", 1)
child = os.fork()
record("child" if child == 0 else "parent", 1)
if child: os.waitpid(child, 0)
"""
    run(portal, script)
    assert names(portal) == {"before": 300, "child": 1, "parent": 1}


def test_a_fork_while_a_batch_is_on_its_way_sends_it_once(portal: FakePortal) -> None:
    portal.hang()
    script = """
record("before", 1)
sys.stdin.readline()
child = os.fork()
record("child" if child == 0 else "parent", 1)
if child: os.waitpid(child, 0)
"""
    argv = [sys.executable, "-W", "ignore", "-c", SETUP + script, portal.url]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) as process:
        wait_until(lambda: bool(portal.requests))
        # The portal has the batch, but has not answered: the fork happens in between.
        assert process.stdin
        process.stdin.write("fork now\n")
        process.stdin.flush()
        wait_until(lambda: "child" in names(portal) or len(portal.requests) > 1)
        portal.resume()
    assert process.returncode == 0
    assert names(portal) == {"before": 1, "child": 1, "parent": 1}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_multiprocessing_worker_flushes_when_it_ends(
    portal: FakePortal, method: str, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    body = f"""
def work(): record("worker", 1)
if __name__ == "__main__":
    worker = multiprocessing.get_context({method!r}).Process(target=work)
    worker.start()
    worker.join()
"""
    script.write_text(SETUP + body)
    subprocess.run([sys.executable, "-W", "ignore", script, portal.url], timeout=20, check=True)
    assert names(portal) == {"worker": 1}


def test_the_end_of_a_process_flushes(portal: FakePortal) -> None:
    run(portal, 'for _ in range(1500): record("late", 1)')
    assert names(portal) == {"late": 1500}


def test_a_hanging_portal_delays_the_end_by_two_seconds_at_most(portal: FakePortal) -> None:
    portal.hang()
    began = time.monotonic()
    done = run(portal, 'for _ in range(700): record("late", 1)')
    assert 1.9 < time.monotonic() - began < 4
    assert "700 rows could not be delivered" in done.stderr


def test_the_source_is_python_3_9() -> None:
    files = list(SOURCE.glob("*.py"))
    assert len(files) > 10
    for file in files:
        ast.parse(file.read_text(), feature_version=(3, 9))
        # Annotations such as "int | None" are evaluated before Python 3.10 otherwise.
        assert "from __future__ import annotations" in file.read_text()


def test_it_imports_only_the_standard_library() -> None:
    """Frameworks belong to the module that is named after them."""
    frameworks = {"django": {"django", "asgiref"}, "flask": {"flask"}}
    for file in SOURCE.glob("*.py"):
        known = set(sys.stdlib_module_names) | {"aiosmon_sdk"} | frameworks.get(file.stem, set())
        assert imported(file) <= known, file.name


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found
