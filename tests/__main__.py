"""`python -m tests`: all tests, in shares that run side by side.

Each has servers and a database of its own. Half of them mostly wait, for processes
that are started, killed and stopped. The first share's output is shown as it comes, the
others' when all are done. With arguments, it is plain pytest. Exit code: the first
that is not 0; 130 after Ctrl-C or SIGTERM.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from typing import IO, Any

from aiosmon import launch

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
# By name; a file or folder that none of them lists is tested in the first share.
BESIDE = {
    "the portal while it is watched": [
        "tests/live/test_watching.py",
        "tests/live/test_chain.py",
        "tests/live/test_sdk.py",
    ],
    "the portal while it tells": ["tests/live"],
    "processes": ["tests/scale", "tests/otlp", "tests/sdk", "tests/demo"],
    "alerts and promises": ["tests/alerts", "tests/slas"],
}
# What is watched for its times goes first; it needs little.
NICENESS = {"processes": 5, "alerts and promises": 5, "": 5}
# The live tests stop a whole portal first.
STOP_SECONDS = 120.0
INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C


def main(arguments: list[str]) -> int:
    """Run all shares at once, or what the arguments ask for."""
    if arguments:
        # In our place: whatever ends us ends it.
        os.execv(sys.executable, [*PYTEST[:3], *arguments])  # noqa: S606  # no shell is the point
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        outputs = {name: stack.enter_context(tempfile.TemporaryFile()) for name in BESIDE}
        try:
            codes = _run(outputs)
        except KeyboardInterrupt:
            codes = [INTERRUPTED]
        for name, output in outputs.items():
            output.seek(0)
            text = output.read().decode(errors="replace")
            sys.stdout.write(f"\n--- {name} ---\n{text}")
    return next((code for code in codes if code), 0)


def _run(outputs: dict[str, IO[bytes]]) -> list[int]:
    """The exit codes; on KeyboardInterrupt all are ended before it goes on."""
    shares: list[subprocess.Popen[bytes]] = []
    try:
        for name, output in outputs.items():
            shares.append(_start(name, share(name), stdout=output, stderr=subprocess.STDOUT))
        shares.insert(0, _start("", rest()))
        return [one.wait() for one in shares]
    except KeyboardInterrupt:
        for one in shares:
            one.send_signal(signal.SIGINT)
        for one in shares:
            _end(one)
        raise


def share(name: str) -> list[str]:
    """What is tested in that share; a file that another one lists is not, with its folder."""
    own = BESIDE[name]
    others = [path for one, paths in BESIDE.items() if one != name for path in paths]
    return [*(f"--ignore={path}" for path in others if path not in own), *own]


def rest() -> list[str]:
    """What is tested in the first share: all that no other one lists."""
    return [*(f"--ignore={path}" for paths in BESIDE.values() for path in paths), "tests"]


def _start(name: str, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """A pytest that gets a Ctrl-C from us, or from the kernel when we are killed."""
    nice = ["nice", "-n", str(NICENESS.get(name, 0))]
    argv = launch.command([*nice, *PYTEST, *arguments], death_signal=signal.SIGINT)
    return subprocess.Popen(argv, **options)


def _end(one: subprocess.Popen[bytes]) -> None:
    try:
        one.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        one.terminate()
        one.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
