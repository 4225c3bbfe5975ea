"""`python -m tests`: the tests that run other processes beside all others.

They mostly wait for those processes, or for PostgreSQL. Their output is shown
when the others are done. With arguments, it is plain pytest. Exit code: the
first that is not 0; 130 after Ctrl-C or SIGTERM.
"""

import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

from aiosmon import launch

PYTEST = [sys.executable, "-m", "pytest"]
# The live ones last: they start a portal, which stays until the end.
BESIDE = ["tests/scale", "tests/sdk", "tests/otlp", "tests/live"]
# The live tests stop a whole portal first.
STOP_SECONDS = 120.0
INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C


def main(arguments: list[str]) -> int:
    """Run both halves at once, or what the arguments ask for."""
    if arguments:
        # In our place: whatever ends us ends it.
        os.execv(sys.executable, [*PYTEST, *arguments])  # noqa: S606  # no shell is the point
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryFile() as output:
        try:
            codes = _run_both(output)
        except KeyboardInterrupt:
            codes = [INTERRUPTED]
        output.seek(0)
        text = output.read().decode(errors="replace")
        sys.stdout.write(f"\n--- the tests of processes ---\n{text}")
    return next((code for code in codes if code), 0)


def _run_both(output: Any) -> list[int]:
    """The exit codes; on KeyboardInterrupt both are ended before it goes on."""
    halves = [
        _start([*(f"--ignore={folder}" for folder in BESIDE), "tests"]),
        _start(["-p", "no:cacheprovider", *BESIDE], stdout=output, stderr=subprocess.STDOUT),
    ]
    try:
        return [half.wait() for half in halves]
    except KeyboardInterrupt:
        for half in halves:
            half.send_signal(signal.SIGINT)
        for half in halves:
            _end(half)
        raise


def _start(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """A pytest that gets a Ctrl-C from us, or from the kernel when we are killed."""
    argv = launch.command([*PYTEST, *arguments], death_signal=signal.SIGINT)
    return subprocess.Popen(argv, **options)


def _end(half: subprocess.Popen[bytes]) -> None:
    try:
        half.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        half.terminate()
        half.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
