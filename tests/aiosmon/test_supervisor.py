"""The supervisor with small real programs: how it starts, mends and stops them."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aiosmon import launch, runstate
from aiosmon.portal import Portal
from aiosmon.processes import Service, end_survivors, spawn, start_time
from aiosmon.services import STOP_RANKS, Options, PortalError, Services, without_proxy
from aiosmon.supervisor import StartError, Supervisor
from tests.aiosmon.waiting import wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
ENV = {"PATH": os.environ["PATH"]}

# Supervises the programs named in argv[1] (name, rank, shell script) and records all it does.
SUPERVISED = """
import json, sys
from pathlib import Path
from aiosmon.processes import Service
from aiosmon.supervisor import Supervisor
folder = Path(sys.argv[2])
def write(name, line):
    with (folder / "log").open("a") as log: log.write(f"{name}: {line}\\n")
def changed():
    (folder / "new").write_text(json.dumps(supervisor.pids))
    (folder / "new").rename(folder / "pids")
services = [Service(name, ["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, stop_rank=rank,
                    stop_seconds=1.0) for name, rank, script in json.loads(sys.argv[1])]
with (supervisor := Supervisor(write, changed)):
    supervisor.start(*services)
    supervisor.watch()
"""
SLEEP = "echo up; exec sleep 300"
STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.1; done"
WITH_CHILD = "sleep 301 & echo child $!; echo up; wait"


class Run:
    """One supervisor process under test."""

    def __init__(self, folder: Path, *programs: tuple[str, int, str], by: str = "") -> None:
        self.folder = folder
        argv = [sys.executable, "-c", SUPERVISED, json.dumps(programs), str(folder)]
        argv = [*by.split(), *argv]
        self.process = subprocess.Popen(argv, cwd=CHECKOUT, start_new_session=True)
        wait_for(lambda: self.log().count(": up\n") == len(programs))
        wait_for(lambda: len(self.pids()) == len(programs))

    def pids(self) -> dict[str, int]:
        file = self.folder / "pids"
        return json.loads(file.read_text()) if file.exists() else {}

    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def stopped(self) -> list[str]:
        return [line.split()[1] for line in self.log().splitlines() if line.endswith(" stopped")]


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        run.process.kill()
        run.process.wait(10)


def test_it_restarts_a_killed_child_and_says_why(tmp_path: Path, runs: list[Run]) -> None:
    runs.append(run := Run(tmp_path, ("worker", 0, SLEEP)))
    first = run.pids()["worker"]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: run.pids().get("worker") not in {None, first})
    assert "worker was killed by signal 9; restarting in 0.5 s" in run.log()


def test_it_kills_a_dead_childs_group_before_restarting(tmp_path: Path, runs: list[Run]) -> None:
    runs.append(run := Run(tmp_path, ("worker", 0, WITH_CHILD)))
    grandchild = int(run.log().split("child ")[1].split()[0])
    os.kill(run.pids()["worker"], signal.SIGKILL)
    wait_for(lambda: not _alive(grandchild))


def test_it_backs_off_from_a_program_that_keeps_failing(tmp_path: Path, runs: list[Run]) -> None:
    flag = tmp_path / "broken"
    script = f"[ -e '{flag}' ] && {{ echo it is broken; exit 3; }}; {SLEEP}"
    runs.append(run := Run(tmp_path, ("web", 0, script)))
    flag.touch()
    os.kill(run.pids()["web"], signal.SIGKILL)
    wait_for(lambda: "web ended with exit code 3; restarting in 2 s" in run.log())
    assert "web ended with exit code 3; restarting in 1 s" in run.log()
    assert "supervisor:   it is broken" in run.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_in_the_stated_order(tmp_path: Path, runs: list[Run], number: int) -> None:
    programs = [("postgres", 3, SLEEP), ("web", 2, SLEEP), ("worker", 1, SLEEP), ("beat", 0, SLEEP)]
    runs.append(run := Run(tmp_path, *programs))
    run.process.send_signal(number)
    assert run.process.wait(10) == 0
    assert run.stopped() == ["beat", "worker", "web", "postgres"]


def test_under_nohup_it_outlives_its_terminal(tmp_path: Path, runs: list[Run]) -> None:
    runs.append(run := Run(tmp_path, ("web", 0, SLEEP), by="nohup"))
    run.process.send_signal(signal.SIGHUP)
    os.kill(first := run.pids()["web"], signal.SIGKILL)
    wait_for(lambda: run.pids().get("web") not in {None, first})
    assert run.stopped() == []


def test_the_demo_stops_before_the_web_server_that_takes_its_rows() -> None:
    order = sorted(STOP_RANKS, key=lambda name: STOP_RANKS[name])
    assert order[0] == "beat"
    assert order[-4:] == ["demo", "web", "valkey", "postgres"]


def test_it_kills_what_does_not_stop_by_its_deadline(tmp_path: Path, runs: list[Run]) -> None:
    runs.append(run := Run(tmp_path, ("worker", 0, STUBBORN)))
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(10) == 0
    assert "worker did not stop in 1 s: kill" in run.log()


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path, runs: list[Run]) -> None:
    programs = [(f"stubborn{rank}", rank, STUBBORN) for rank in range(20)]
    runs.append(run := Run(tmp_path, *programs))
    run.process.send_signal(signal.SIGINT)
    wait_for(lambda: "stubborn0 did not stop" in run.log())
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(10) == 0
    assert run.log().count("did not stop") < 5


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, runs: list[Run]) -> None:
    runs.append(run := Run(tmp_path, ("web", 0, SLEEP), ("worker", 0, SLEEP)))
    pids = run.pids().values()
    run.process.kill()
    wait_for(lambda: not any(_alive(pid) for pid in pids))


def test_a_start_that_can_not_succeed_ends_with_a_pointer_to_the_doctor() -> None:
    service = Service("web", ["sh", "-c", "exit 1"], ENV)
    never = Service("web", service.argv, ENV, ready=lambda _: False)
    with Supervisor(lambda *_: None) as supervisor, pytest.raises(StartError, match="make doctor"):
        supervisor.start(never)


def test_a_failed_one_shot_stops_the_start() -> None:
    lines: list[str] = []
    migrate = Service("migrate", ["sh", "-c", "echo no such table; exit 1"], ENV)
    with (
        Supervisor(lambda _name, line: lines.append(line)) as supervisor,
        pytest.raises(StartError, match="migrate ended with exit code 1"),
    ):
        supervisor.run(migrate, seconds=10)
    assert "no such table" in lines


@pytest.mark.parametrize(("script", "told"), [("exit 0", [True]), ("exit 1", [])])
def test_a_one_shots_success_is_told_its_failure_is_not(script: str, told: list[bool]) -> None:
    said: list[bool] = []
    lines: list[str] = []
    history = Service(
        "history", ["sh", "-c", script], ENV, once=True, succeeded=lambda: said.append(True)
    )
    with Supervisor(lambda _name, line: lines.append(line)) as supervisor:
        supervisor.start(history)
        wait_for(lambda: supervisor.tend(0.05) or lines)
    assert said == told


def test_a_command_that_does_not_exist_is_named() -> None:
    child = spawn(Service("web", ["/no/such/program"], ENV))
    wait_for(lambda: child.returncode() is not None)
    child.end()
    assert list(child.tail) == ["launch: can't run /no/such/program: No such file or directory"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another user")
def test_the_shim_drops_every_privilege() -> None:
    argv = launch.command(["id"], uid=65534, gid=65534)
    out = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout
    assert out.startswith("uid=65534")
    assert "(root)" not in out


def test_survivors_of_a_killed_run_are_ended_by_identity() -> None:
    survivor = subprocess.Popen(["sleep", "300"], start_new_session=True)
    stranger = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        known = {
            "web": (survivor.pid, start_time(survivor.pid) or 0.0),
            "worker": (stranger.pid, 1.0),  # the pid has gone to another program since
        }
        assert end_survivors(known) == ["web"]
        assert survivor.wait(5) == -signal.SIGKILL
        assert stranger.poll() is None
    finally:
        for process in (survivor, stranger):
            process.kill()
            process.wait()


def test_a_second_portal_on_the_same_data_is_refused(tmp_path: Path) -> None:
    assert not runstate.is_running(tmp_path)
    lock = runstate.take_lock(tmp_path)
    assert runstate.is_running(tmp_path)
    with pytest.raises(runstate.AlreadyRunningError, match="already runs"):
        runstate.take_lock(tmp_path)
    os.close(lock)
    assert not runstate.is_running(tmp_path)


def test_asking_whether_a_portal_runs_never_hinders_a_start(tmp_path: Path) -> None:
    runstate.run_dir(tmp_path).mkdir()
    with (runstate.run_dir(tmp_path) / "lock").open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not runstate.is_running(tmp_path)
        threading.Timer(0.2, fcntl.flock, [asking, fcntl.LOCK_UN]).start()
        os.close(runstate.take_lock(tmp_path))


def test_a_state_that_can_not_be_written_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portal = Portal(tmp_path, Options.read({}), {})  # there is no run directory to write to
    with portal.supervisor as supervisor:
        supervisor.start(Service("web", ["sleep", "300"], ENV))
        supervisor.start(Service("beat", ["sleep", "300"], ENV))
    assert capsys.readouterr().out.count("can't write state.json") == 1


def test_our_own_programs_use_the_internal_address_whatever_the_public_one(tmp_path: Path) -> None:
    environ = {
        "AIOSMON_HOST": "192.0.2.7",
        "AIOSMON_URL": "https://portal.example.org",
        "AIOSMON_ALLOWED_HOSTS": "portal.example.org",
    }
    options = Options.read(environ)
    env = Portal(tmp_path, options, environ).env
    assert env["AIOSMON_URL"] == "https://portal.example.org"
    assert env["AIOSMON_ALLOWED_HOSTS"] == "portal.example.org,192.0.2.7"
    services = Services(options, env)
    assert services.demo("key").env["AIOSMON_URL"] == "http://192.0.2.7:8000"
    assert services.history(lambda: None).argv[-1] == "http://192.0.2.7:8000"


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.example, localhost"}, "a.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_never_reached_by_a_proxy(given: dict[str, str], value: str) -> None:
    assert without_proxy(given) == {"no_proxy": value, "NO_PROXY": value}


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1"])
def test_a_wrong_port_is_explained(text: str) -> None:
    with pytest.raises(PortalError, match="AIOSMON_PORT"):
        Options.read({"AIOSMON_PORT": text})


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
