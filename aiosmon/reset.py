"""`make reset`: remove the data directory's content, after asking."""

import os
import shutil
import sys
from pathlib import Path

from aiosmon.embedded.paths import data_dir
from aiosmon.runstate import AlreadyRunningError, take_lock

# Only what the portal made: AIOSMON_DATA_DIR may name a folder that holds other things too.
PATTERNS = (
    "postgres-[0-9]*",
    ".postgres-*.new",
    "postgres.json",
    "valkey",
    "valkey.json",
    "secret_key",
    "logs",
    "bin",
    "run",
)


def main() -> int:
    """Returns the exit code: 0 when the data is gone, 1 when it was kept."""
    data = data_dir()
    if not data.exists():
        sys.stdout.write(f"{data} does not exist: nothing to remove.\n")
        return 0
    try:
        lock = take_lock(data)
    except AlreadyRunningError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if os.environ.get("YES") != "1" and not _confirmed(data):
        sys.stdout.write("Nothing was removed.\n")
        return 1
    remove(data)
    os.close(lock)
    sys.stdout.write(f"{data} was removed.\n")
    return 0


def remove(data: Path) -> None:
    """Delete the portal's files, and the folder itself if that leaves it empty."""
    for pattern in PATTERNS:
        for path in data.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    if not any(data.iterdir()):
        data.rmdir()


def _confirmed(data: Path) -> bool:
    sys.stdout.write(f"Remove {data} with every row, user and setting? Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == "yes"


if __name__ == "__main__":
    sys.exit(main())
