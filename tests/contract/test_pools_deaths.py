"""What every pool promises when something dies: a child, its fork server, the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pools.interface import Finished, Lost, Started, TimedOut
from tests.support.pool_driver import KINDS, Driver, Gate, driven
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("kind", KINDS)


def fork_servers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if any("pools.forkserver" in a for a in child.cmdline())
    ]


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def lost(driver: Driver, payload: str) -> Lost:
    (end,) = driver.run(payload)
    assert isinstance(end, Lost), end
    return end


@pytest.mark.parametrize(
    ("body", "exitcode"),
    [
        ("os_exit 0", 0),
        ("os_exit 41", 41),
        ("os_exit 255", 255),
        (f"kill_self {signal.SIGKILL:d}", -signal.SIGKILL),
        (f"kill_self {signal.SIGALRM:d}", -signal.SIGALRM),
        ("segfault", -signal.SIGSEGV),
        ("escape the run function", 70),
        ("close_everything", 1),
    ],
)
def test_exit_codes_are_exact(kind: str, body: str, exitcode: int) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        pids = driver.pool.pids()
        end = lost(driver, body)
        assert end.exitcode == exitcode
        assert [end.pid] == pids
        assert driver.answer("echo replaced") == b"replaced"
        assert driver.failures == []


def test_what_escapes_the_run_function_is_printed(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    with driven(kind) as driver:
        lost(driver, "escape loudly")
    assert "LookupError: loudly" in capfd.readouterr().err


def test_only_the_running_job_is_lost(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        (waiting,) = driver.begin(f"wait_at {gate}")
        driver.until_started(waiting)
        first, *others = driver.run("os_exit 3", *["echo x"] * 8, depth=8)
        assert isinstance(first, Lost)
        assert all(isinstance(end, Finished) for end in others)
        gate.release()
        assert isinstance(driver.end(waiting), Finished)


def test_an_isolated_job_harms_nobody(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        (waiting,) = driver.begin(f"wait_at {gate}")
        driver.until_started(waiting)
        suspect = driver.job("kill_self 9")
        driver.until(lambda: driver.pool.isolate([suspect]))
        assert isinstance(driver.end(suspect.id), Lost)
        gate.release()
        assert isinstance(driver.end(waiting), Finished)
        driver.until_idle()


def test_a_death_harms_no_other_child(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        (waiting,) = driver.begin(f"wait_at {gate}")
        driver.until_started(waiting)
        for _ in range(5):
            lost(driver, "kill_self 9")
        gate.release()
        assert isinstance(driver.end(waiting), Finished)


def test_the_lost_job_s_slot_is_back_within_a_second(kind: str) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        before = time.monotonic()
        lost(driver, "kill_self 9")
        assert driver.answer("echo x") == b"x"
        assert time.monotonic() - before < 1.0


def test_a_death_is_told_though_a_descendant_holds_the_sockets(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        assert lost(driver, f"fork_and_stay {gate}").exitcode == 7
        assert driver.answer("echo x") == b"x"
        gate.release()


def test_what_a_job_has_started_dies_with_its_child(kind: str) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        (pid,) = driver.pool.pids()
        (job,) = driver.begin(driver.job("run_program 100", hard=0.5))
        driver.until(lambda: psutil.Process(pid).children())
        (program,) = psutil.Process(pid).children()
        assert isinstance(driver.end(job), TimedOut)
        driver.until(lambda: not alive(program.pid))


def test_kill_reports_lost(kind: str) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        jobs = driver.begin("sleep 60", "sleep 60")
        driver.until_started(*jobs)
        driver.pool.kill([jobs[0], 999])
        end = driver.end(jobs[0])
        assert isinstance(end, Lost)
        assert end.exitcode == -signal.SIGKILL
        assert driver.ends(jobs[1]) == []
        driver.pool.kill(jobs)
        driver.end(jobs[1])


def test_an_idle_child_that_dies_is_told_and_replaced(kind: str) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        victim = driver.pool.pids()[0]
        os.kill(victim, signal.SIGKILL)
        driver.until(lambda: driver.failures)
        assert f"child {victim} died while it was idle: exit code -9" in driver.failures[0].reason
        assert not driver.failures[0].fatal
        driver.until_idle()
        assert victim not in driver.pool.pids()


def test_signals_of_the_group_are_ignored(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until_started(job)
        targets = [*driver.pool.pids(), *[server.pid for server in fork_servers()]]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            for pid in targets:
                os.kill(pid, number)
        gate.release()
        assert isinstance(driver.end(job), Finished)
        assert driver.answer("echo x") == b"x"
        assert driver.failures == []


def test_stray_signals_of_the_limits_do_nothing(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until_started(job)
        for pid in [*driver.pool.pids(), *[server.pid for server in fork_servers()]]:
            os.kill(pid, signal.SIGUSR1)
        gate.release()
        end = driver.end(job)
        assert isinstance(end, Finished)
        assert end.payload == b"released"


def test_a_child_is_a_session_of_its_own_without_input(kind: str) -> None:
    with driven(kind) as driver:
        leader, stdin, parent = driver.answer("facts").decode().split(" ")
        assert (leader, stdin) == ("True", "/dev/null")
        assert int(parent) in [server.pid for server in fork_servers()]


def test_children_are_gone_within_a_second_of_a_killed_supervisor(kind: str) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "tests.support.pool_supervisor", kind, "4"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with supervisor:
        assert supervisor.stdout is not None
        pids = [int(pid) for pid in supervisor.stdout.readline().split()]
        assert len(pids) == 5
        supervisor.kill()
        deadline = time.monotonic() + 1.0
        while any(alive(pid) for pid in pids):
            assert time.monotonic() < deadline
        assert supervisor.stdout.read() == ""


def test_a_killed_fork_server_loses_what_ran_and_nothing_else(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        ended = driver.begin("echo a", "echo b")
        for job in ended:
            driver.end(job)
        jobs = driver.begin(*[f"wait_at {gate}"] * 6, depth=2)
        driver.until(lambda: len(driver.pool.running()) == 2)
        running = set(driver.pool.running())
        (server,) = fork_servers()
        server.kill()
        for job in running:
            end = driver.end(job)
            assert isinstance(end, Lost)
            assert end.exitcode == -signal.SIGKILL
        assert "the fork server died: exit code -9" in driver.failures[0].reason
        gate.release(4)
        assert all(isinstance(driver.end(job), Finished) for job in jobs if job not in running)
        assert len(driver.boots) == 2
        driver.until_idle()


def test_a_killed_fork_server_whose_children_are_idle(kind: str) -> None:
    with driven(kind, slots=3) as driver:
        driver.until_idle()
        old = driver.pool.pids()
        fork_servers()[0].kill()
        driver.until(lambda: len(driver.boots) == 2)
        driver.until_idle()
        assert len(driver.pool.pids()) == 3
        assert not set(old) & set(driver.pool.pids())
        assert [failure.attempts for failure in driver.failures] == [1]


def test_a_fork_server_that_hangs_is_killed_and_replaced(kind: str, gate: Gate) -> None:
    """Only it could tell that a child has died."""
    with driven(kind, boot_timeout=3.0) as driver:
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until_started(job)
        (server,) = fork_servers()
        server.suspend()
        os.kill(driver.pool.pids()[0], signal.SIGKILL)
        assert isinstance(driver.end(job), Lost)
        assert "the fork server did not answer for 3 s" in [each.reason for each in driver.failures]
        driver.until_idle()


def test_a_fork_server_that_stood_still_with_us_is_not_taken_to_hang(kind: str, gate: Gate) -> None:
    """A container may be paused, or a machine have no time for either."""
    with driven(kind, slots=2, boot_timeout=3.0) as driver:
        driver.until_idle()
        idle = driver.pool.pids()
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until_started(job)
        (server,) = fork_servers()
        server.suspend()
        idle.remove(driver.of(Started)[0].pid)
        os.kill(idle[0], signal.SIGKILL)
        wait_until(lambda: psutil.Process(idle[0]).status() == psutil.STATUS_ZOMBIE)
        begun = time.monotonic()
        driver.until(lambda: time.monotonic() - begun > 0.2)  # it sees that nothing more will come from there
        wait_until(lambda: time.monotonic() - begun > 4)
        driver.turn(0)
        server.resume()
        driver.until(lambda: idle[0] not in driver.pool.pids())
        gate.release()
        assert isinstance(driver.end(job), Finished)
        driver.until_idle()
        assert len(driver.boots) == 1


def test_a_fork_server_that_makes_no_child_is_killed_and_replaced(kind: str) -> None:
    with driven(kind, boot_timeout=3.0, max_tasks=1) as driver:
        driver.until_idle()
        (server,) = fork_servers()
        server.suspend()
        assert driver.answer("echo a") == b"a"
        assert driver.answer("echo b") == b"b"
        assert "the fork server did not answer for 3 s" in [each.reason for each in driver.failures]


def test_200_deaths_leak_no_descriptor(kind: str) -> None:
    with driven(kind, slots=2) as driver:
        driver.run(*["os_exit 1"] * 10)
        driver.until_idle()
        before = len(os.listdir("/proc/self/fd"))
        child_before = driver.answer("fds")
        server_before = fork_servers()[0].num_fds()
        driver.run(*["os_exit 1"] * 200)
        driver.until_idle()
        assert len(os.listdir("/proc/self/fd")) == before
        assert driver.answer("fds") == child_before
        assert fork_servers()[0].num_fds() == server_before
        assert len(driver.of(Started)) == 212


def test_stop_leaves_nothing_behind(kind: str) -> None:
    before = os.listdir("/proc/self/fd")
    with driven(kind, slots=3) as driver:
        driver.until_idle()
        pids = [*driver.pool.pids(), *[server.pid for server in fork_servers()]]
        assert len(pids) == 4
    assert not any(alive(pid) for pid in pids)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_stop_kills_what_does_not_leave(kind: str) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        jobs = driver.begin("sleep_in_c 60", *["echo x"] * 3, depth=3)
        driver.until_started(jobs[0])
        pids = driver.pool.pids()
        before = time.monotonic()
        driver.pool.stop(0.2)
        assert 0.2 <= time.monotonic() - before < 1.5
        assert not any(alive(pid) for pid in pids)


def test_stop_lets_idle_children_leave_at_once(kind: str) -> None:
    with driven(kind, slots=4) as driver:
        driver.until_idle()
        before = time.monotonic()
        driver.pool.stop(10.0)
        assert time.monotonic() - before < 1.0


def test_stop_while_the_code_is_loading(kind: str) -> None:
    with driven(kind, boot="tests.support.pool_jobs:boot_forever") as driver:
        driver.turn(0)
        (server,) = wait_until(fork_servers)
        driver.pool.stop(0.1)
        assert not alive(server.pid)
