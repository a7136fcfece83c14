"""What every pool promises of jobs: their way, their order, their limits (`pools.interface`)."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pools.interface import ChildOptions, Finished, Lost, Started, TimedOut
from pools.kinds import BY_NAME
from pools.registry import open_pool
from tests.support.pool_driver import KINDS, Gate, driven

pytestmark = pytest.mark.parametrize("kind", KINDS)


def test_boot_reports_the_hello(kind: str) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        assert [boot.hello for boot in driver.boots] == [b"hello world"]


def test_a_long_hello(kind: str) -> None:
    with driven(
        kind, boot="tests.support.pool_jobs:boot_with_long_hello", boot_argument=b"5000000"
    ) as driver:
        driver.until_idle()
        assert driver.boots[0].hello == b"x" * 5_000_000


def test_the_registry_opens_it(kind: str) -> None:
    pool = open_pool(kind, 3, ChildOptions("tests.support.pool_jobs:boot"))
    assert pool.slots() == 3
    pool.stop(0)


def test_no_pool_without_a_slot(kind: str) -> None:
    with pytest.raises(ValueError, match="slots is 0"):
        open_pool(kind, 0, ChildOptions("tests.support.pool_jobs:boot"))


def test_answer(kind: str) -> None:
    with driven(kind) as driver:
        assert driver.answer("echo some bytes") == b"some bytes"
        assert driver.answer("echo") == b""


def test_empty_payload(kind: str) -> None:
    with driven(kind, boot="tests.support.pool_jobs:boot_with_length", boot_argument=b"") as driver:
        assert driver.answer(b"") == b"0"


def test_started_comes_before_finished(kind: str) -> None:
    with driven(kind, slots=2) as driver:
        before = time.monotonic()
        jobs = driver.begin(*["echo x"] * 50, depth=10)
        for job in jobs:
            driver.end(job)
        assert len(driver.of(Finished)) == len(driver.of(Started)) == 50
        for job in jobs:
            started, finished = (event for event in driver.events if getattr(event, "job", 0) == job)
            assert isinstance(started, Started)
            assert isinstance(finished, Finished)
            assert before <= started.at <= finished.at <= time.monotonic()
            assert started.pid in driver.pool.pids()


def test_jobs_of_one_child_run_in_order(kind: str) -> None:
    with driven(kind) as driver:
        jobs = driver.begin(*["echo x"] * 100, depth=20)
        driver.end(jobs[-1])
        assert [event.job for event in driver.of(Started)] == jobs


def test_depth_0_uses_idle_slots_only(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}") for _ in range(3)]
        assert driver.pool.submit(jobs, 0) == 2
        driver.until_started(jobs[0].id, jobs[1].id)
        assert driver.pool.submit(jobs[2:], 0) == 0
        assert (driver.pool.idle(), driver.pool.queued()) == (0, 0)
        assert set(driver.pool.running()) == {jobs[0].id, jobs[1].id}
        gate.release(2)
        assert driver.end(jobs[0].id)
        assert driver.end(jobs[1].id)
        assert driver.pool.running() == {}


def test_few_jobs_spread_over_idle_slots(kind: str, gate: Gate) -> None:
    with driven(kind, slots=3) as driver:
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}") for _ in range(3)]
        assert driver.pool.submit(jobs, 5) == 3
        driver.until_started(*[job.id for job in jobs])
        gate.release(3)
        for job in jobs:
            driver.end(job.id)


def test_never_more_than_depth_beyond_the_running_one(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}") for _ in range(20)]
        assert driver.pool.submit(jobs, 3) == 8
        assert driver.pool.submit(jobs[8:], 3) == 0
        assert driver.pool.ahead() == 6  # also while the first two have not begun
        driver.until(lambda: len(driver.of(Started)) == 2)
        assert driver.pool.queued() == 6
        gate.release(8)


def test_recall_of_what_waits_behind_a_slow_job(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        jobs = driver.begin(f"wait_at {gate}", *["echo x"] * 5, depth=9)
        driver.until_started(jobs[0])
        assert driver.pool.recall(time.monotonic(), 60.0) == []
        assert [job.id for job in driver.pool.recall(time.monotonic(), 0.0)] == jobs[1:]
        assert driver.pool.queued() == 0
        gate.release()
        assert isinstance(driver.end(jobs[0]), Finished)
        assert driver.answer("echo on") == b"on"
        assert not any(driver.ends(job) for job in jobs[1:])


def test_nothing_more_is_queued_behind_a_slow_job(kind: str, gate: Gate) -> None:
    """It would come back again and again, and meanwhile no other slot and no other worker had it."""
    with driven(kind) as driver:
        (slow,) = driver.begin(f"wait_at {gate}")
        driver.until_started(slow)
        quick = driver.job("echo x")
        assert driver.pool.submit([quick], 9) == 1
        driver.until(lambda: driver.pool.recall(time.monotonic(), 0.001) == [quick])
        assert driver.pool.room(9) == 0
        assert driver.pool.submit([driver.job("echo x")], 9) == 0
        gate.release()
        driver.end(slow)
        assert driver.answer("echo on") == b"on"


def test_too_many_that_are_queued_at_a_child_are_recalled(kind: str) -> None:
    """None of them runs for long, and the last would wait for all of them."""
    with driven(kind) as driver:
        driver.begin(*["sleep 0.03"] * 60, depth=64)
        driver.until(lambda: bool(driver.pool.recall(time.monotonic(), 0.2)))
        assert len(driver.of(Started)) < 60


def test_recall_of_nothing_makes_no_work(kind: str) -> None:
    """A worker whose broker is away recalls everything in every turn."""
    with driven(kind) as driver:
        driver.until_idle()
        now = time.monotonic()
        driver.pool.receive(now)
        assert driver.pool.recall(now, 0) == []
        assert driver.pool.next_deadline() > now


def test_recall_keeps_the_old_order_over_children(kind: str, gate: Gate) -> None:
    with driven(kind, slots=3) as driver:
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}") for _ in range(12)]
        assert driver.pool.submit(jobs, 3) == 12
        driver.until(lambda: len(driver.of(Started)) == 3)
        started = {event.job for event in driver.of(Started)}
        recalled = driver.pool.recall(time.monotonic(), 0.0)
        assert recalled == [job for job in jobs if job.id not in started]
        gate.release(3)


def test_a_recalled_job_can_be_submitted_again(kind: str, gate: Gate) -> None:
    with driven(kind, slots=2) as driver:
        jobs = driver.begin(f"wait_at {gate}", "echo again", depth=1)
        driver.until_started(jobs[0])
        recalled = driver.pool.recall(time.monotonic(), 0.0)
        if not recalled:  # it was given to the other child and has ended
            assert isinstance(driver.end(jobs[1]), Finished)
        assert all(isinstance(end, Finished) for end in driver.run(*recalled))
        gate.release()
        assert isinstance(driver.end(jobs[0]), Finished)


@pytest.mark.parametrize("length", [65_000, 65_536, 70_000, 1_000_000, 64 << 20])
def test_large_frames_both_ways(kind: str, length: int) -> None:
    with driven(kind) as driver:
        payload = b"echo " + os.urandom(64) * (length // 64)
        assert driver.answer(payload) == payload[5:]


def test_large_frames_are_recalled_too(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        large = driver.job(b"size " + b"x" * 1_000_000)
        jobs = driver.begin(driver.job(f"wait_at {gate}"), large, depth=1)
        driver.until_started(jobs[0])
        assert driver.pool.recall(time.monotonic(), 0.0) == [large]
        gate.release()
        driver.end(jobs[0])
        assert driver.answer(large.payload) == b"1000000"


def test_a_full_socket_only_ends_acceptance(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        jobs = [driver.job(f"wait_at {gate}")] + [driver.job("size " + "x" * 60_000) for _ in range(100)]
        accepted = driver.pool.submit(jobs, 200)
        assert 1 < accepted < 101
        gate.release()
        driver.begin(*jobs[accepted:], depth=200)
        ends = [driver.end(job.id) for job in jobs[1:]]
        assert all(isinstance(end, Finished) and end.payload == b"60000" for end in ends)


def test_an_exception_that_run_turned_into_an_answer(kind: str) -> None:
    with driven(kind) as driver:
        assert driver.answer("fail of the task") == b"error of the task"
        assert driver.answer("sys_exit 3") == b"exit 3"


def test_soft_limit(kind: str) -> None:
    waits_in_c = [] if "soft_limit_in_c" in BY_NAME[kind].cannot else ["sleep 30"]
    with driven(kind) as driver:
        for body in ["spin 30", *waits_in_c]:
            (job,) = driver.begin(driver.job(body, soft=0.2))
            end = driver.end(job)
            assert isinstance(end, Finished)
            assert end.payload == b"soft limit"
            assert 0.2 <= end.at - driver.of(Started)[-1].at < 1.2
            assert driver.answer("echo still here") == b"still here"


def test_soft_limit_during_a_c_call_is_raised_after_it_at_the_latest(kind: str) -> None:
    with driven(kind) as driver:
        assert driver.answer("sleep 1", soft=0.1) == b"soft limit"


def test_soft_limit_hits_once(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        (job,) = driver.begin(driver.job(f"wait_twice {gate}", soft=0.1))
        driver.until_started(job)
        overdue = time.monotonic() + 0.9  # past several repeated signals
        driver.until(lambda: time.monotonic() > overdue)
        assert driver.ends(job) == []
        gate.release()
        end = driver.end(job)
        assert isinstance(end, Finished)
        assert end.payload == b"soft limit, then released"


def test_interrupt_raises_the_soft_limit_in_that_job_only(kind: str, gate: Gate) -> None:
    with driven(kind, 2, 1 if BY_NAME[kind].wide else None) as driver:
        driver.until_idle()
        jobs = driver.begin(driver.job(f"wait_twice {gate}", soft=60, hard=60), f"wait_at {gate}")
        driver.until_started(*jobs)
        driver.pool.interrupt([jobs[0], 999])
        later = time.monotonic() + 0.6  # a repeated signal must not hit it again
        driver.until(lambda: time.monotonic() > later)
        gate.release(2)
        answers = {end.payload for end in map(driver.end, jobs) if isinstance(end, Finished)}
        assert answers == {b"soft limit, then released", b"released"}
        assert driver.failures == []


def test_interrupt_leaves_the_hard_limit(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        (job,) = driver.begin(driver.job(f"wait_twice {gate}", hard=0.5))
        driver.until_started(job)
        driver.pool.interrupt([job])
        assert driver.end(job) == TimedOut(job, 0.5)


def test_soft_limit_never_hits_the_next_job(kind: str) -> None:
    """Jobs that end about when their limit acts, some that end by it, each followed by one without a
    limit."""
    with driven(kind) as driver:
        driver.until_idle()
        jobs = []
        for number in range(300):
            seconds = 30 if number % 20 == 0 else 0.001 + number % 10 / 10_000
            jobs.append(driver.job(f"spin {seconds}", soft=0.0015))
            jobs.append(driver.job("spin 0.002"))
        driver.begin(*jobs, depth=20)
        ends = [driver.end(job.id) for job in jobs]
        assert all(isinstance(end, Finished) for end in ends)
        assert {end.payload for end in ends[1::2] if isinstance(end, Finished)} == {b"spun"}
        assert {end.payload for end in ends[::2] if isinstance(end, Finished)} == {b"spun", b"soft limit"}


@pytest.mark.parametrize("body", ["sleep 30", "sleep_in_c 30", "spin 30"])
def test_hard_limit(kind: str, body: str) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        before = time.monotonic()
        (end,) = driver.run(driver.job(body, hard=0.2))
        assert end == TimedOut(end.job, 0.2)
        assert 0.2 <= time.monotonic() - before < 1.2
        assert driver.answer("echo replaced") == b"replaced"
        assert driver.failures == []


def test_soft_then_hard_limit(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        (end,) = driver.run(driver.job(f"wait_twice {gate}", soft=0.1, hard=0.4))
        assert end == TimedOut(end.job, 0.4)


def test_jobs_behind_one_that_is_killed_are_not_harmed(kind: str) -> None:
    with driven(kind) as driver:
        ends = driver.run(driver.job("sleep 30", hard=0.1), "echo a", "echo b", depth=5)
        assert [type(end) for end in ends] == [TimedOut, Finished, Finished]


def test_limits_of_queued_jobs_count_from_their_start(kind: str, gate: Gate) -> None:
    with driven(kind) as driver:
        jobs = driver.begin(driver.job("spin 0.5"), driver.job("echo x", hard=0.3), depth=1)
        assert isinstance(driver.end(jobs[1]), Finished)


def test_output_flood(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    with driven(kind) as driver:
        assert driver.answer("flood 50000") == b"printed"
    assert "line 49999 of a flood" in capfd.readouterr().out


def test_a_task_may_use_threads_and_multiprocessing(kind: str) -> None:
    with driven(kind) as driver:
        assert driver.answer("thread abc") == b"ABC"
        assert driver.answer("use_process abc") == b"ABC"
        if "multiprocessing_pool" not in BY_NAME[kind].cannot:
            assert driver.answer("use_multiprocessing a,b,c") == b"A,B,C"


def test_a_process_that_a_task_terminates_at_once_ends(kind: str) -> None:
    with driven(kind) as driver:
        assert driver.answer("terminate_at_once 300") == b"terminated"


def test_a_task_that_forks_answers_once(kind: str) -> None:
    with driven(kind) as driver:
        jobs = driver.begin(*["fork_and_return"] * 10, *["echo x"] * 10, depth=20)
        ends = [driver.end(job) for job in jobs]
        answers = [end.payload for end in ends if isinstance(end, Finished)]
        assert answers == [b"forked"] * 10 + [b"x"] * 10
        assert len(driver.of(Finished)) == 20
        assert driver.failures == []


def test_a_child_without_descriptors_goes_on_until_it_needs_one(kind: str) -> None:
    """A long frame comes as a descriptor: that child dies of it, and the job runs in the next."""
    with driven(kind) as driver:
        assert driver.answer("exhaust_descriptors") == b"none left"
        assert driver.answer("echo still here") == b"still here"
        assert driver.answer(b"size " + b"x" * 100_000) == b"100000"


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    """This process can open so many, and no more."""
    _, most = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(fd for fd in range(1024) if os.path.lexists(f"/proc/self/fd/{fd}"))
    fillers = [os.open(os.devnull, os.O_RDONLY)]
    while fillers[-1] < highest:
        fillers.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 1 + spare, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for filler in fillers:
            os.close(filler)


def test_a_supervisor_without_descriptors_tries_again(kind: str) -> None:
    with driven(kind) as driver:
        driver.until_idle()
        with few_descriptors(0):
            assert isinstance(driver.run("kill_self 9")[0], Lost)
            driver.until(lambda: driver.failures)
        assert "a child cannot be made: [Errno 24] Too many open files" in driver.failures[0].reason
        assert driver.answer("echo here again") == b"here again"


def test_what_the_fork_server_sends_may_lack_its_descriptor(kind: str) -> None:
    """For the supervisor has none left."""
    with driven(kind, slots=20) as driver:
        with few_descriptors(30):
            driver.until(lambda: any("no descriptor left" in failure.reason for failure in driver.failures))
        driver.pool.restart()
        driver.until_idle()


def test_dump_stacks_of_a_busy_child(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    with driven(kind) as driver:
        (job,) = driver.begin("sleep_in_c 30")
        driver.until_started(job)
        stacks = ""

        def dumped() -> bool:
            """Asks each time: the job is told as started shortly before it is in its function."""
            nonlocal stacks
            driver.pool.dump_stacks()
            stacks += capfd.readouterr().err
            return "in sleep_in_c" in stacks

        driver.until(dumped)
        assert driver.ends(job) == []
        driver.pool.kill([job])
        driver.end(job)
