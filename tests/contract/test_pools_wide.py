"""What pools promise whose children run several jobs at once."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pools.interface import ChildOptions, Finished, Lost, Started, TimedOut
from pools.registry import open_pool
from tests.support.pool_driver import WIDE, Gate, driven

pytestmark = pytest.mark.parametrize("kind", WIDE)

OPTIONS = ChildOptions("tests.support.pool_jobs:boot")


@pytest.mark.parametrize(("slots", "processes"), [(1, 1), (4, 1), (4, 2), (5, 2), (3, 3)])
def test_slots_are_spread_over_processes(kind: str, slots: int, processes: int, gate: Gate) -> None:
    with driven(kind, slots, processes) as driver:
        driver.until(lambda: len(driver.pool.pids()) == processes)
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}") for _ in range(slots + 1)]
        assert driver.pool.room(0) == slots
        assert driver.pool.submit(jobs, 0) == slots
        assert driver.pool.idle() == driver.pool.room(0) == 0
        driver.until_started(*[job.id for job in jobs[:slots]])
        assert {event.pid for event in driver.of(Started)} == set(driver.pool.pids())
        gate.release(slots)
        assert all(isinstance(driver.end(job.id), Finished) for job in jobs[:slots])
        assert driver.pool.idle() == slots


def test_jobs_are_spread_evenly_over_children(kind: str, gate: Gate) -> None:
    with driven(kind, 8, 2) as driver:
        driver.until_idle()
        jobs = driver.begin(*[f"wait_at {gate}"] * 4)
        driver.until_started(*jobs)
        pids = [event.pid for event in driver.of(Started)]
        assert sorted(map(pids.count, set(pids))) == [2, 2]
        gate.release(4)
        for job in jobs:
            driver.end(job)


@pytest.mark.parametrize("processes", [0, 5])
def test_processes_must_fit_the_slots(kind: str, processes: int) -> None:
    with pytest.raises(ValueError, match=f"processes is {processes}; it must be from 1 to 4"):
        open_pool(kind, 4, OPTIONS, processes)


def test_depth_is_for_a_child_and_not_for_a_slot(kind: str, gate: Gate) -> None:
    with driven(kind, 4, 2) as driver:
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}") for _ in range(20)]
        assert driver.pool.room(3) == 10
        assert driver.pool.submit(jobs, 3) == 10
        driver.until(lambda: len(driver.of(Started)) == 4)
        assert driver.pool.queued() == 6
        assert driver.pool.room(3) == 0
        recalled = driver.pool.recall(time.monotonic(), 0.0)
        assert len(recalled) == 6
        gate.release(4)
        driver.until_idle()


def test_a_neighbour_of_a_job_past_its_hard_limit_finishes(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1) as driver:
        driver.until_idle()
        (old,) = driver.pool.pids()
        (neighbour,) = driver.begin(f"wait_at {gate}")
        driver.until_started(neighbour)
        before = time.monotonic()
        (end,) = driver.run(driver.job("spin 60", hard=0.2))
        assert end == TimedOut(end.job, 0.2)
        assert time.monotonic() - before < 1.2
        assert driver.ends(neighbour) == []
        driver.until(lambda: driver.pool.idle() == 1)  # in the replacement
        assert driver.answer("pid") != b"%d" % old
        gate.release()
        assert isinstance(driver.end(neighbour), Finished)
        driver.until(lambda: old not in driver.pool.pids())
        assert driver.pool.ends()["time_limit"] == 1
        driver.until_idle()
        assert driver.failures == []


def test_a_neighbour_that_takes_too_long_is_lost_without_blame(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1, drain_timeout=0.3) as driver:
        (neighbour,) = driver.begin(f"wait_at {gate}")
        driver.until_started(neighbour)
        (end,) = driver.run(driver.job("spin 60", hard=0.1))
        assert isinstance(end, TimedOut)
        lost = driver.end(neighbour)
        assert lost == Lost(neighbour, -signal.SIGKILL, lost.pid, blameless=True)  # type: ignore[union-attr]
        driver.until_idle()
        assert driver.failures == []


def test_what_a_timed_out_job_still_answers_is_ignored(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1) as driver:
        (neighbour,) = driver.begin(f"wait_at {gate}")
        driver.until_started(neighbour)
        (end,) = driver.run(driver.job("spin 0.5", hard=0.2))
        assert isinstance(end, TimedOut)
        over = time.monotonic() + 0.5
        driver.until(lambda: time.monotonic() > over)
        gate.release()
        assert isinstance(driver.end(neighbour), Finished)
        driver.until_idle()
        assert driver.ends(end.job) == [end]


def test_kill_spares_the_neighbours(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1) as driver:
        jobs = driver.begin("spin 60", f"wait_at {gate}")
        driver.until_started(*jobs)
        driver.pool.kill([jobs[0]])
        end = driver.end(jobs[0])
        assert isinstance(end, Lost)
        assert not end.blameless
        assert driver.ends(jobs[1]) == []
        gate.release()
        assert isinstance(driver.end(jobs[1]), Finished)


def test_no_signal_is_sent_to_what_runs_beside_others(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1) as driver:
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until_started(job)
        with pytest.raises(ValueError, match="SIGQUIT would hit all jobs of a child"):
            driver.pool.send_signal([job], signal.SIGQUIT)
        gate.release()
        assert isinstance(driver.end(job), Finished)


def test_a_death_takes_all_that_ran_in_the_child(kind: str, gate: Gate) -> None:
    with driven(kind, 3, 1) as driver:
        waiting = driver.begin(*[f"wait_at {gate}"] * 2)
        driver.until_started(*waiting)
        (end,) = driver.run("kill_self 9")
        assert isinstance(end, Lost)
        for job in waiting:
            lost = driver.end(job)
            assert isinstance(lost, Lost)
            assert not lost.blameless
        assert driver.answer("echo x") == b"x"


def test_an_isolated_job_runs_in_a_child_of_its_own(kind: str, gate: Gate) -> None:
    with driven(kind, 3, 1) as driver:
        driver.until_idle()
        (shared,) = driver.pool.pids()
        neighbours = driver.begin(*[f"wait_at {gate}"] * 3)
        driver.until_started(*neighbours)
        suspects = [driver.job("kill_self 9"), driver.job("pid")]
        rest = suspects
        while rest:
            rest = rest[driver.pool.isolate(rest) :]
            driver.turn(0.05)
        lost, fine = [driver.end(job.id) for job in suspects]
        assert isinstance(lost, Lost)
        assert lost.pid != shared
        assert isinstance(fine, Finished)
        assert fine.payload not in (b"%d" % lost.pid, b"%d" % shared)
        gate.release(3)
        assert all(isinstance(driver.end(job), Finished) for job in neighbours)
        driver.until(lambda: driver.pool.pids() == [shared])
        driver.until_idle()
        assert driver.pool.ends()["alone"] == 1
        assert driver.failures == []


def test_isolated_jobs_count_as_running_and_are_few(kind: str, gate: Gate) -> None:
    with driven(kind, 4, 1) as driver:
        driver.until_idle()
        suspects = [driver.job(f"wait_at {gate}") for _ in range(5)]
        assert driver.pool.isolate(suspects) == 2
        driver.until_started(suspects[0].id, suspects[1].id)
        assert driver.pool.isolate(suspects[2:]) == 0
        assert driver.pool.idle() == 2
        gate.release(2)
        driver.until_idle()


def test_isolated_jobs_are_taken_back_while_they_wait(kind: str) -> None:
    with driven(kind, 4, 1) as driver:
        suspects = [driver.job("echo x"), driver.job("echo x")]
        assert driver.pool.isolate(suspects) == 2
        assert driver.pool.recall(time.monotonic(), 0.01) == []
        assert driver.pool.recall(time.monotonic(), 0.0) == suspects
        driver.until_idle()
        driver.until(lambda: len(driver.pool.pids()) == 1)
        assert driver.answer("echo y") == b"y"
        assert driver.failures == []


def test_an_isolated_job_whose_child_dies_first_gets_another(kind: str) -> None:
    with driven(kind, 4, 1) as driver:
        driver.until_idle()
        old = driver.pool.pids()
        suspect = driver.job("echo x")
        driver.pool.isolate([suspect])
        driver.until(lambda: set(driver.pool.pids()) > set(old))
        (lone,) = set(driver.pool.pids()) - set(old)
        os.kill(lone, signal.SIGKILL)
        end = driver.end(suspect.id)
        assert isinstance(end, Finished | Lost)
        driver.until_idle()


def test_soft_limits_of_many_at_once(kind: str) -> None:
    with driven(kind, 20, 1) as driver:
        driver.until_idle()
        jobs = driver.begin(*[driver.job(f"spin {30}", soft=0.2) for _ in range(10)])
        ends = [driver.end(job) for job in jobs]
        assert [end.payload for end in ends if isinstance(end, Finished)] == [b"soft limit"] * 10


def test_soft_limits_never_hit_another_job(kind: str) -> None:
    """Many at a time that end about when their limit acts, among others without a limit."""
    with driven(kind, 4, 1) as driver:
        driver.until_idle()
        jobs = []
        for number in range(150):
            jobs.append(driver.job(f"nap {0.001 + number % 10 / 5_000}", soft=0.002))
            jobs.append(driver.job("nap 0.002"))
        driver.begin(*jobs, depth=4)
        ends = [driver.end(job.id) for job in jobs]
        assert all(isinstance(end, Finished) for end in ends)
        assert {end.payload for end in ends[1::2] if isinstance(end, Finished)} == {b"napped"}
        assert {end.payload for end in ends[::2] if isinstance(end, Finished)} <= {b"napped", b"soft limit"}
        assert driver.failures == []


def test_restart_of_a_wide_child_loses_no_job(kind: str) -> None:
    with driven(kind, 8, 2) as driver:
        driver.until_idle()
        jobs = driver.begin(*["nap 0.01"] * 50, depth=4)
        driver.pool.restart()
        jobs += driver.begin(*["nap 0.01"] * 100, depth=4)
        assert all(isinstance(driver.end(job), Finished) for job in jobs)
        driver.until(lambda: len(driver.boots) == 2)
        driver.until(lambda: len(driver.pool.pids()) == 2)


def test_max_tasks_counts_jobs(kind: str) -> None:
    with driven(kind, 4, 2, max_tasks=10) as driver:
        ends = driver.run(*["pid"] * 100, depth=4)
        pids = [end.payload for end in ends if isinstance(end, Finished)]
        assert len(pids) == 100
        assert max(pids.count(pid) for pid in pids) == 10
        assert driver.failures == []


def test_what_a_blocked_child_does_not_read_is_recalled(kind: str) -> None:
    """Its interpreter is held by a C call, so its idle slots are none."""
    with driven(kind, 2, 1) as driver:
        driver.until_idle()
        (blocking,) = driver.begin("sleep_in_c 60")
        driver.until_started(blocking)
        # Threads of the child may have taken frames in the kernel that they cannot begin; the rest not.
        more = [driver.job("echo x") for _ in range(6)]
        accepted = driver.pool.submit(more, 5)
        recalled: list[int] = []

        def taken_back() -> bool:
            recalled.extend(job.id for job in driver.pool.recall(time.monotonic(), 0.05))
            return len(recalled) >= accepted - 2

        driver.until(taken_back)
        assert driver.pool.idle() == 0  # for a while: what it was given now, it would not begin either
        driver.pool.kill([blocking])
        driver.end(blocking)
        driver.until_idle()
        assert driver.ends(more[0].id) or more[0].id in recalled


def test_a_slot_that_is_added_beside_a_slow_job_is_used(kind: str, gate: Gate) -> None:
    with driven(kind, 1, 1) as driver:
        (slow,) = driver.begin(f"wait_at {gate}")
        driver.until_started(slow)
        quick = driver.job("echo x")
        assert driver.pool.submit([quick], 9) == 1
        driver.until(lambda: driver.pool.recall(time.monotonic(), 0.001) == [quick])
        driver.pool.grow(1)
        assert driver.answer("echo on") == b"on"
        gate.release()
        driver.end(slow)


def test_one_that_must_wait_for_a_child_of_its_own_makes_no_work(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1) as driver:
        driver.until_idle()
        alone, other = driver.job(f"wait_at {gate}"), driver.job("echo x")
        assert driver.pool.isolate([alone]) == 1
        driver.until_started(alone.id)
        driver.until(lambda: driver.pool.next_deadline() > time.monotonic())
        assert driver.pool.isolate([other]) == 0
        assert driver.pool.next_deadline() > time.monotonic()
        gate.release()
        driver.end(alone.id)
