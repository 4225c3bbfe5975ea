"""What a portal keeps in `<data>/run`: its lock, its state, and what `bootstrap` handed over."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiosmon.embedded.paths import create_data_dir, read_json, write_private

LOCK_SECONDS = 1.0


class AlreadyRunningError(Exception):
    """Another portal runs on the same data directory."""


def run_dir(data: Path) -> Path:
    """The folder of files that only matter while the portal runs."""
    return data / "run"


def take_lock(data: Path) -> int:
    """Hold the data directory for as long as this process lives; returns the descriptor.

    A lock of the kernel's, not a pid file: no crash leaves it behind.
    """
    create_data_dir(data)
    run_dir(data).mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(run_dir(data) / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    while not _locked(descriptor, fcntl.LOCK_EX):
        # Not at the first refusal: is_running() of another process holds it for an instant.
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise AlreadyRunningError(
                f"The portal already runs on {data}. Stop it with Ctrl-C where it runs, "
                "or set AIOSMON_DATA_DIR to another directory for a second one."
            )
        time.sleep(0.05)
    return descriptor


def is_running(data: Path) -> bool:
    """Whether a portal holds this data directory."""
    try:
        descriptor = os.open(run_dir(data) / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        # Shared: two that only ask must not take each other for the portal.
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def bootstrap_file(data: Path) -> Path:
    """Where `manage.py bootstrap` leaves what the portal needs: the demo's key, news to show."""
    return run_dir(data) / "bootstrap.json"


def update_bootstrap(data: Path, **changes: Any) -> dict[str, Any]:
    """Set keys of `run/bootstrap.json`, None removes one; returns what it now holds.

    Raises OSError when it can't be written.
    """
    found = {**(read_json(bootstrap_file(data)) or {}), **changes}
    found = {name: value for name, value in found.items() if value is not None}
    write_private(bootstrap_file(data), json.dumps(found))
    return found


def write_state(data: Path, state: Mapping[str, Any]) -> None:
    """Replace `run/state.json` (0600)."""
    write_private(run_dir(data) / "state.json", json.dumps(state, indent=2))


def read_state(data: Path) -> dict[str, Any]:
    """The last run's state: empty when there was none."""
    return read_json(run_dir(data) / "state.json") or {}


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
