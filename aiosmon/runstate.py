"""What a running portal leaves in `<data>/run`: its lock and its state file."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiosmon.embedded.paths import create_data_dir, read_json, write_private


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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"The portal already runs on {data}. Stop it with Ctrl-C where it runs, "
            "or set AIOSMON_DATA_DIR to another directory for a second one."
        ) from None
    return descriptor


def is_running(data: Path) -> bool:
    """Whether a portal holds this data directory."""
    try:
        descriptor = os.open(run_dir(data) / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_state(data: Path, state: Mapping[str, Any]) -> None:
    """Replace `run/state.json` (0600)."""
    write_private(run_dir(data) / "state.json", json.dumps(state, indent=2))


def read_state(data: Path) -> dict[str, Any]:
    """The last run's state: empty when there was none."""
    return read_json(run_dir(data) / "state.json") or {}
