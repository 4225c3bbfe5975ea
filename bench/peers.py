"""Other stores of OTLP traces, run as they come, where their commands are on the PATH."""

import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import servers
from tests.live.portal import free_port

START_SECONDS = 180.0
# What was answered may still be on its way to the disk.
STORE_SECONDS = 120.0


@dataclass(frozen=True)
class Peer:
    """One of them, running."""

    name: str
    port: int
    headers: str
    database: Path

    def stored(self) -> int:
        """How many spans are in its database."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30) as connection:
            return int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])

    def settled(self, answered: float) -> int:
        """How many spans it has stored once no more come, or all that it answered are there."""
        deadline = time.monotonic() + STORE_SECONDS
        while (count := self.stored()) < answered and time.monotonic() < deadline:
            time.sleep(0.2)
        return count


def installed(name: str) -> bool:
    """Whether its command is on the PATH."""
    return shutil.which(name) is not None


@contextmanager
def running(name: str) -> Iterator[Peer]:
    """Start it with its defaults on an empty SQLite."""
    with tempfile.TemporaryDirectory(prefix="aiosmon-bench-", ignore_cleanup_errors=True) as folder:
        port, grpc = free_port(), free_port()
        if name == "phoenix":
            argv = ["phoenix", "serve"]
            extra = {
                "PHOENIX_WORKING_DIR": folder,
                "PHOENIX_PORT": str(port),
                "PHOENIX_GRPC_PORT": str(grpc),
            }
            peer = Peer(name, port, "", Path(folder) / "phoenix.db")
        else:
            database = Path(folder) / "mlflow.db"
            argv = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
            argv += ["--backend-store-uri", f"sqlite:///{database}"]
            extra = {}
            peer = Peer(name, port, "x-mlflow-experiment-id: 0\r\n", database)
        environment = servers.environment("") | extra
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=log, stderr=log)
            try:
                servers.wait(lambda: _answers(port), START_SECONDS)
                yield peer
            finally:
                process.terminate()
                process.wait(30)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=2).status_code < 500
    except httpx.HTTPError:
        return False
