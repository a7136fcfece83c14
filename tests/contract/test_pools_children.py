"""What every pool promises of its children: how they boot, how many there are, when they are replaced."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from math import inf
from pathlib import Path

import pytest

from pools.control import Control, Load
from pools.ending import CAUSES
from pools.interface import ChildFailed, Finished, Lost, Started
from pools.kinds import BY_NAME
from pools.respawn import Backoff
from tests.support.pool_driver import KINDS, OPTIONS, Gate, driven
from tests.support.worker import ROOT

pytestmark = pytest.mark.parametrize("kind", KINDS)

JOBS = "tests.support.pool_jobs"


def pids_used(started: list[Started]) -> list[int]:
    return [event.pid for event in started]


@pytest.mark.parametrize(
    ("boot", "reason"),
    [
        (f"{JOBS}:boot_missing", "No module named 'no_such_module'"),
        ("no_such_package.module:boot", "No module named 'no_such_package'"),
        (f"{JOBS}:no_such_function", "no_such_function"),
        (f"{JOBS}:boot_exit", "SystemExit: not with me"),
        (f"{JOBS}:boot_killed", "the fork server died: exit code -9"),
    ],
)
def test_code_that_cannot_be_loaded(kind: str, boot: str, reason: str) -> None:
    with driven(kind, slots=4, boot=boot) as driver:
        driver.until(lambda: driver.failures and driver.failures[-1].fatal)
        assert [failure.attempts for failure in driver.failures] == [1, 2, 3, 4, 5]
        assert all(reason in failure.reason for failure in driver.failures)
        assert driver.boots == []
        driver.until(lambda: driver.pool.next_deadline() == inf)


def test_a_supervisor_that_is_gone_while_code_is_loaded_is_no_error(kind: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    Control(ours).send(Load(OPTIONS, BY_NAME[kind]))
    ours.close()
    program = f"from pools.forkserver import main; main({theirs.fileno()})"
    command = [sys.executable, "-c", program]
    with theirs:
        ended = subprocess.run(
            command, cwd=ROOT, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, check=True
        )
    assert ended.stderr == b""


def test_code_that_refuses_to_be_loaded_is_not_tried_again(kind: str) -> None:
    with driven(kind, slots=4, boot=f"{JOBS}:boot_refused") as driver:
        driver.until(lambda: driver.failures)
        driver.until(lambda: driver.pool.next_deadline() == inf)
        assert driver.failures == [ChildFailed("nothing would change", 1, fatal=True, refused=True)]


def test_code_that_loads_for_ever(kind: str) -> None:
    with driven(kind, boot=f"{JOBS}:boot_forever", boot_timeout=0.2) as driver:
        driver.until(lambda: driver.failures)
        assert "not loaded after 0.2 s" in driver.failures[0].reason


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ("fail_after_fork", "RuntimeError: the hook refuses"),
        ("die_after_fork", "died while it booted: exit code -9"),
    ],
)
def test_a_child_that_cannot_boot(kind: str, hook: str, reason: str) -> None:
    with driven(kind, slots=1, after_fork=f"{JOBS}:{hook}") as driver:
        driver.until(lambda: driver.failures and driver.failures[-1].fatal)
        assert [failure.attempts for failure in driver.failures] == [1, 2, 3, 4, 5]
        assert all(reason in failure.reason for failure in driver.failures)
        assert driver.pool.idle() == 0
        assert driver.pool.pids() == []


def test_a_hook_before_the_fork_that_fails(kind: str) -> None:
    with driven(kind, slots=1, before_fork=f"{JOBS}:fail_after_fork") as driver:
        driver.until(lambda: driver.failures and driver.failures[-1].fatal)
        assert all("RuntimeError: the hook refuses" in failure.reason for failure in driver.failures)


def test_a_child_that_boots_for_ever(kind: str) -> None:
    with driven(kind, after_fork=f"{JOBS}:hang_after_fork", boot_timeout=4.0) as driver:
        driver.until(lambda: any("not ready after 4 s" in failure.reason for failure in driver.failures))


def test_a_boot_storm_is_slowed_down(kind: str) -> None:
    """Eight children that cannot boot: one round of all, then single attempts further and further apart."""
    backoff = Backoff(first=0.05, longest=0.4, attempts=5)
    with driven(kind, slots=8, backoff=backoff, after_fork=f"{JOBS}:die_after_fork") as driver:
        before = time.monotonic()
        driver.until(lambda: driver.failures and driver.failures[-1].fatal)
        assert time.monotonic() - before >= 0.05 + 0.1 + 0.2 + 0.4
        assert len(driver.failures) == 8 + 4


def test_the_hook_before_the_fork_runs_in_the_server(kind: str) -> None:
    with driven(kind, slots=2, before_fork=f"{JOBS}:mark_after_fork") as driver:
        (end,) = driver.run("marked")
        assert isinstance(end, Finished)
        marked, child = end.payload.split()
        assert marked != child


def test_the_hook_runs_in_each_child(kind: str) -> None:
    with driven(kind, slots=2, after_fork=f"{JOBS}:mark_after_fork") as driver:
        driver.until_idle()
        for end in driver.run("marked", "marked"):
            assert isinstance(end, Finished)
            marked, pid = end.payload.split()
            assert marked == pid


@pytest.mark.parametrize("depth", [0, 10])
def test_max_tasks(kind: str, depth: int) -> None:
    with driven(kind, slots=2, max_tasks=3) as driver:
        ends = driver.run(*["pid"] * 30, depth=depth)
        pids = [end.payload for end in ends if isinstance(end, Finished)]
        assert len(pids) == 30
        assert max(pids.count(pid) for pid in pids) == 3
        driver.until_idle()
        assert driver.failures == []


def test_a_fresh_child_for_each_job_at_20_a_second(kind: str) -> None:
    with driven(kind, max_tasks=1) as driver:
        driver.until_idle()

        def keeps_up() -> bool:
            """On a machine that is busy with other things too, not at once."""
            begun = time.monotonic()
            ends = driver.run(*["pid"] * 20)
            assert len({end.payload for end in ends if isinstance(end, Finished)}) == 20
            return time.monotonic() - begun < 1

        driver.until(keeps_up)


def test_a_used_up_child_is_replaced_while_it_runs_its_last_job(kind: str, gate: Gate) -> None:
    with driven(kind, max_tasks=1) as driver:
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until(lambda: len(driver.pool.pids()) == 2)
        assert driver.pool.idle() == 0, "one slot, and it is busy"
        gate.release()
        driver.end(job)
        driver.until_idle()
        driver.until(lambda: len(driver.pool.pids()) == 1)


def test_ends_are_counted_by_cause(kind: str) -> None:
    with driven(kind, slots=2, max_tasks=1) as driver:
        assert set(driver.pool.ends()) == set(CAUSES)
        driver.run("pid", "pid")
        driver.until(lambda: driver.pool.ends()["max_tasks"] == 2)
        driver.pool.restart()
        driver.until(lambda: driver.pool.ends()["reload"] == 2)
        driver.until_idle()
        assert isinstance(driver.run("kill_self 9")[0], Lost)
        driver.until(lambda: driver.pool.ends()["died"] == 1)
        assert sum(driver.pool.ends().values()) == 5


def test_max_memory(kind: str) -> None:
    with driven(kind, max_memory=200_000) as driver:
        first = driver.answer("allocate 300")
        driver.until(lambda: driver.answer("pid") != first)
        assert driver.failures == []


def test_a_max_memory_that_no_child_keeps(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Megabytes, perhaps, for kilobytes. Each does a job."""
    with driven(kind, slots=2, max_memory=200) as driver:
        for jobs in (1, 2, 3):
            driver.answer("pid")
            driver.until(lambda jobs=jobs: driver.pool.ends()["max_memory"] >= jobs)  # type: ignore[misc]
            assert driver.pool.ends()["max_memory"] == jobs
    assert "kB before its first job; the bound is 200 kB: each does one job" in capfd.readouterr().err


def test_max_memory_is_seen_during_a_job(kind: str, gate: Gate) -> None:
    with driven(kind, max_memory=200_000) as driver:
        (job,) = driver.begin(f"allocate_and_wait 300 {gate}")
        driver.until(lambda: len(driver.pool.pids()) == 2)
        gate.release()
        assert isinstance(driver.end(job), Finished)
        pid = driver.of(Started)[0].pid
        driver.until(lambda: pid not in driver.pool.pids())
        assert driver.answer("echo x") == b"x"


def test_restart_loads_fresh_code(kind: str, gate: Gate, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_bytes(b"old")
    with driven(kind, slots=2, boot=f"{JOBS}:boot_by_file", boot_argument=str(code).encode()) as driver:
        driver.until_idle()
        old = driver.pool.pids()
        jobs = driver.begin(f"wait_at {gate}", "echo a", depth=2)
        driver.until_started(jobs[0])
        code.write_bytes(b"new")
        driver.pool.restart()
        driver.until(lambda: len(driver.boots) == 2)
        assert [boot.hello for boot in driver.boots] == [b"old", b"new"]
        driver.until_idle(1)
        assert driver.ends(jobs[0]) == []
        gate.release()
        assert all(isinstance(driver.end(job), Finished) for job in jobs)
        driver.until(lambda: not set(old) & set(driver.pool.pids()))
        driver.until_idle()
        assert len(driver.pool.pids()) == 2
        assert driver.failures == []


def test_restart_loses_no_job(kind: str) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        jobs = driver.begin(*["spin 0.001"] * 100, depth=10)
        driver.pool.restart()
        jobs += driver.begin(*["spin 0.001"] * 200, depth=10)
        assert all(isinstance(driver.end(job), Finished) for job in jobs)
        driver.until(lambda: len(driver.boots) == 2)
        driver.until(lambda: len(driver.pool.pids()) == 2)


def test_restart_with_broken_code_keeps_the_old_children(kind: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_bytes(b"old")
    with driven(kind, boot=f"{JOBS}:boot_by_file", boot_argument=str(code).encode()) as driver:
        driver.until_idle()
        old = driver.pool.pids()
        code.write_bytes(b"broken")
        driver.pool.restart()
        driver.until(lambda: driver.failures)
        assert "ImportError: no module named broken" in driver.failures[0].reason
        assert not driver.failures[0].fatal
        assert driver.answer("pid") == b"%d" % old[0]
        code.write_bytes(b"mended")
        driver.pool.restart()
        driver.until(lambda: len(driver.boots) == 2)
        driver.until(lambda: len(driver.pool.pids()) == 1 and driver.pool.pids() != old)


def test_restart_begins_anew_after_giving_up(kind: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_bytes(b"broken")
    with driven(kind, boot=f"{JOBS}:boot_by_file", boot_argument=str(code).encode()) as driver:
        driver.until(lambda: driver.failures and driver.failures[-1].fatal)
        code.write_bytes(b"mended")
        driver.pool.restart()
        driver.until_idle()


def test_max_lifetime(kind: str, gate: Gate) -> None:
    with driven(kind, max_lifetime=0.5) as driver:
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until(lambda: len(driver.pool.pids()) == 2)
        assert driver.ends(job) == []
        gate.release()
        assert isinstance(driver.end(job), Finished)
        driver.until(lambda: driver.pool.ends()["max_lifetime"])
        assert driver.answer("echo x") == b"x"
        assert driver.failures == []


def test_grow_and_shrink(kind: str, gate: Gate) -> None:
    with driven(kind, slots=1) as driver:
        jobs = driver.begin(f"wait_at {gate}")
        driver.until_started(*jobs)
        driver.pool.grow(3)
        assert driver.pool.slots() == 4
        jobs += driver.begin(*[f"wait_at {gate}"] * 3)
        driver.until_started(*jobs)
        assert driver.pool.idle() == 0
        gate.release(4)
        for job in jobs:
            driver.end(job)
        driver.pool.shrink(2)
        assert driver.pool.slots() == 2
        driver.until(lambda: driver.pool.idle() == 2)
        more = [driver.job(f"wait_at {gate}") for _ in range(3)]
        assert driver.pool.submit(more, 0) == 2
        gate.release(2)
        assert all(isinstance(driver.end(job.id), Finished) for job in more[:2])
        assert driver.failures == []


def test_a_shrunk_pool_runs_no_more_than_its_slots(kind: str, gate: Gate) -> None:
    """Whatever may be queued ahead."""
    with driven(kind, slots=4, processes=1) as driver:
        driver.until_idle()
        jobs = driver.begin(*[f"wait_at {gate}"] * 4)
        driver.until_started(*jobs)
        gate.release(4)
        for job in jobs:
            driver.end(job)
        driver.pool.shrink(3)
        driver.until_idle()
        more = driver.begin(f"wait_at {gate}")
        rest = [driver.job(f"wait_at {gate}") for _ in range(4)]
        accepted = driver.pool.submit(rest, 4)
        driver.until_started(*more)
        assert len(driver.pool.running()) == 1
        gate.release(1 + accepted)
        for number in [*more, *[job.id for job in rest[:accepted]]]:
            assert isinstance(driver.end(number), Finished)


def test_shrink_lets_a_busy_child_finish_but_not_what_is_queued_there(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        jobs = driver.begin(*[f"wait_at {gate}"] * 6, depth=2)
        driver.until(lambda: len(driver.of(Started)) == 2)
        driver.pool.shrink(1)
        gate.release(6)
        assert all(isinstance(driver.end(job), Finished) for job in jobs)
        driver.until_idle()
        assert len(driver.of(Started)) == 6


def test_a_pool_keeps_one_slot(kind: str) -> None:
    with driven(kind, slots=2) as driver, pytest.raises(ValueError, match="cannot shrink by 2"):
        driver.pool.shrink(2)
