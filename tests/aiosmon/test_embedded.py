"""The embedded PostgreSQL and Valkey, as real servers in directories of their own."""

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from aiosmon import embedded
from aiosmon.embedded import EmbeddedError, Postgres, Valkey, paths, ports
from aiosmon.embedded.binaries import SERVER_ENV
from aiosmon.processes import Child, Service, spawn
from aiosmon.runstate import take_lock
from tests import services
from tests.aiosmon.waiting import wait_for

Start = Callable[[Postgres | Valkey], Child]


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[Child] = []

    def _start(server: Postgres | Valkey) -> Child:
        recover = server.recover if isinstance(server, Postgres) else lambda: None
        service = Service(
            "server", server.argv, SERVER_ENV, owner=server.owner, before_start=recover
        )
        children.append(spawn(service))
        wait_for(server.ready)
        return children[-1]

    yield _start
    for child in children:
        child.signal(signal.SIGINT)
        wait_for(lambda child=child: child.returncode() is not None)
        child.end()


@pytest.fixture
def data() -> Iterator[Path]:
    # Not in pytest's folders: those are closed to the user that PostgreSQL is dropped to.
    with tempfile.TemporaryDirectory(prefix="a path with spaces, ü and 'quotes' ") as base:
        Path(base).chmod(0o711)
        yield Path(base) / "data"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A data directory that was prepared once; its copies are prepared again."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o711)
        Postgres(Path(base) / "data", fsync=False).prepare()
        yield Path(base) / "data"


@pytest.fixture
def postgres(cluster: Path, data: Path) -> Postgres:
    # With owners and permissions, which shutil leaves behind.
    subprocess.run(["cp", "-a", cluster, data], check=True)
    server = Postgres(data, fsync=False)
    server.prepare()
    return server


def test_it_keeps_committed_rows_over_kill_9(postgres: Postgres, start: Start) -> None:
    child = start(postgres)
    url = postgres.ensure_database("aiosmon")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(child.pid, signal.SIGKILL)
    child.end()
    start(postgres)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_it_restarts_while_an_orphaned_backend_is_busy(postgres: Postgres, start: Start) -> None:
    child = start(postgres)
    busy = psycopg.connect(postgres.ensure_database("aiosmon"), autocommit=True)
    endless = "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"

    def run() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute(endless)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: _active_queries(postgres, "DO $$%") == 1)
    os.kill(child.pid, signal.SIGKILL)
    child.end()
    start(postgres)
    thread.join(10)
    assert not thread.is_alive()
    assert _active_queries(postgres, "DO $$%") == 0


def test_it_survives_a_pid_file_that_names_a_stranger(postgres: Postgres, start: Start) -> None:
    start(postgres).end()
    file = postgres.directory / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    start(postgres)
    assert postgres.ready()


def test_it_takes_another_port_when_its_own_is_taken(data: Path, postgres: Postgres) -> None:
    before = json.loads((data / "postgres.json").read_text())["port"]
    with socket.create_server(("127.0.0.1", before)):
        Postgres(data).prepare()
    after = json.loads((data / "postgres.json").read_text())["port"]
    assert after != before
    Postgres(data).prepare()
    assert json.loads((data / "postgres.json").read_text())["port"] == after


def test_it_keeps_passwords_from_other_users(data: Path, postgres: Postgres) -> None:
    Valkey(data).prepare()
    for file in (data / "postgres.json", data / "valkey.json", data / "valkey" / "valkey.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = json.loads((data / "postgres.json").read_text())["password"]
    assert password not in " ".join(postgres.argv)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another user")
def test_it_never_runs_as_root(postgres: Postgres, start: Start) -> None:
    child = start(postgres)
    assert Path(f"/proc/{child.pid}").stat().st_uid not in {0}


def test_it_refuses_a_cluster_of_another_major_version(data: Path) -> None:
    (data / "postgres-9").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match=r"postgres-9 was made by another major.*pg_dump"):
        Postgres(data).prepare()


def test_it_says_what_to_do_without_the_password_file(data: Path, postgres: Postgres) -> None:
    (data / "postgres.json").unlink()
    with pytest.raises(EmbeddedError, match="make reset"):
        postgres.prepare()


def test_it_bounds_its_logs(postgres: Postgres) -> None:
    names = [f"postgresql-2026010{day}-000000.log" for day in range(1, 9)]
    for name in names:
        (postgres.logs / name).write_text("x")
    postgres.upkeep()
    assert sorted(path.name for path in postgres.logs.iterdir()) == names[-5:]


def test_valkey_keeps_what_it_acknowledged_over_kill_9(data: Path, start: Start) -> None:
    server = Valkey(data)
    server.prepare()
    child = start(server)
    redis.Redis.from_url(server.url).lpush("queue", "task")
    os.kill(child.pid, signal.SIGKILL)
    child.end()
    start(server)
    assert redis.Redis.from_url(server.url).lrange("queue", 0, -1) == [b"task"]


def test_valkey_asks_for_its_password(data: Path, start: Start) -> None:
    server = Valkey(data, fsync=False)
    server.prepare()
    start(server)
    port = json.loads((data / "valkey.json").read_text())["port"]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port, retry=Retry(NoBackoff(), 0)).ping()


def test_known_urls_come_from_the_state_files(
    data: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOSMON_DATA_DIR", str(data))
    assert embedded.known_database_url() == postgres.url
    assert embedded.known_redis_url() is None
    assert not (data / "valkey").exists()


def test_every_process_gets_the_same_secret_key(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: embedded.secret_key(data), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["secret_key"]


def test_the_data_directory_of_root_differs_by_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIOSMON_DATA_DIR")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = []
    for checkout in (Path("/srv/one/aios ü"), Path("/srv/two/aios ü")):
        monkeypatch.setattr(paths, "CHECKOUT", checkout)
        found.append(embedded.data_dir())
    assert found[0] != found[1]
    assert all(str(path).startswith("/var/lib/aiosmon/aios ü-") for path in found)


def test_a_data_directory_that_is_a_file_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(EmbeddedError, match="AIOSMON_DATA_DIR"):
        embedded.create_data_dir(file / "below")


def test_a_taken_port_is_not_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert ports.choose(taken) != taken
        assert str(os.getpid()) in (ports.holder(taken) or "")


def _active_queries(postgres: Postgres, pattern: str) -> int:
    with psycopg.connect(postgres.url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s"
        row = connection.execute(query, [pattern]).fetchone()
    return int(row[0]) if row else 0


def test_only_old_folders_that_no_run_holds_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stale = ["aiosmon-tests-dead", "aiosmon-live-dead", "aiosmon-tests-held"]
    for name in [*stale, "aiosmon-tests-fresh", "aiosmon-live-fresh"]:
        (tmp_path / name).mkdir()
    lock = take_lock(tmp_path / "aiosmon-tests-held")
    for name in stale:
        os.utime(tmp_path / name, (0, 0))
    services.sweep()
    os.close(lock)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"aiosmon-tests-held", "aiosmon-tests-fresh", "aiosmon-live-fresh"}


def test_tests_use_no_database_that_the_environment_names_for_the_portal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", "/run/secrets/database")
    monkeypatch.setenv("AIOSMON_SECRET_KEY_FILE", "/run/secrets/key")
    services.forget_files()
    assert not {"DATABASE_URL_FILE", "AIOSMON_SECRET_KEY_FILE"} & set(os.environ)
