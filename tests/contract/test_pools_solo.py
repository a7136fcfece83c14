"""What the solo pool promises: the same of jobs, but for its caveats (`pools.solo`)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pools.interface import ChildFailed, ChildOptions, Finished, Lost, Started
from pools.solo import SoloPool
from tests.support.pool_driver import OPTIONS, Driver


@contextmanager
def driven(**options: object) -> Iterator[Driver]:
    changed: ChildOptions = replace(OPTIONS, **options)  # type: ignore[arg-type]
    pool = SoloPool(1, changed)
    pool.start()
    yield Driver(pool)
    pool.stop(0)


def test_it_boots_and_answers_in_this_process() -> None:
    with driven() as driver:
        driver.until_idle()
        assert [boot.hello for boot in driver.boots] == [b"hello world"]
        assert driver.answer("echo some bytes") == b"some bytes"
        assert driver.answer("pid") == b"%d" % os.getpid()
        assert driver.answer("fail of the task") == b"error of the task"
        assert driver.answer("sys_exit 3") == b"exit 3"


def test_code_that_refuses_to_be_loaded() -> None:
    with driven(boot="tests.support.pool_jobs:boot_refused") as driver:
        driver.until(lambda: driver.failures)
        assert driver.failures == [ChildFailed("nothing would change", 1, fatal=True, refused=True)]


def test_a_start_is_told_before_the_job_runs() -> None:
    with driven() as driver:
        driver.until_idle()
        job = driver.job("echo x")
        assert driver.pool.submit([job], 0) == 1
        (event,) = driver.pool.receive(time.monotonic())
        assert isinstance(event, Started)
        assert driver.pool.running() == {job.id: event.at}
        (event,) = driver.pool.receive(time.monotonic())
        assert isinstance(event, Finished)
        assert driver.pool.running() == {}


def test_one_at_a_time_and_nothing_ahead() -> None:
    with driven() as driver:
        driver.until_idle()
        jobs = [driver.job("echo x") for _ in range(3)]
        assert driver.pool.submit(jobs, 10) == 1
        assert driver.pool.submit(jobs[1:], 10) == 0
        assert driver.pool.recall(time.monotonic(), 0.0) == [jobs[0]]
        assert driver.pool.idle() == 1
        assert [type(end) for end in driver.run(*jobs)] == [Finished] * 3


@pytest.mark.parametrize("body", ["sleep 30", "spin 30"])
def test_the_soft_limit(body: str) -> None:
    with driven() as driver:
        driver.until_idle()
        assert driver.answer(body, soft=0.2) == b"soft limit"
        assert driver.answer("spin 0.4") == b"spun"
        assert driver.answer("echo x", soft=0.2) == b"x"
        assert driver.answer("spin 0.4") == b"spun"


def test_a_job_that_has_not_run_yet_can_be_killed() -> None:
    with driven() as driver:
        driver.until_idle()
        job = driver.job("kill_self 9")
        driver.pool.submit([job], 0)
        driver.pool.receive(time.monotonic())
        driver.pool.kill([job.id])
        assert driver.pool.receive(time.monotonic()) == [Lost(job.id, -signal.SIGKILL, os.getpid())]
        assert driver.answer("echo on") == b"on"


def test_a_job_that_has_not_run_yet_can_be_interrupted() -> None:
    with driven() as driver:
        driver.until_idle()
        job = driver.job("spin 30")
        driver.pool.submit([job], 0)
        driver.pool.receive(time.monotonic())
        driver.pool.interrupt([job.id])
        driver.turn(0)
        end = driver.end(job.id)
        assert isinstance(end, Finished)
        assert end.payload == b"soft limit"
        with pytest.raises(ValueError, match="SIGINT would hit the supervisor"):
            driver.pool.send_signal([job.id], signal.SIGINT)


@pytest.mark.parametrize("numbers", ["QUIT", "TERM TERM", "INT INT"])
@pytest.mark.parametrize("how", ["sleep", "spin", "catch"])
def test_a_signal_ends_the_job_that_runs(how: str, numbers: str) -> None:
    with driven() as driver:
        driver.until_idle()
        begun = time.monotonic()
        (end,) = driver.run(f"signalled {how} {numbers}")
        assert end == Lost(end.job, -signal.SIGKILL, os.getpid())
        assert time.monotonic() - begun < 5
        assert driver.answer("signalled nap TERM") == b"napped"
        assert driver.answer("spin 0.4") == b"spun"


def test_a_job_that_forks_answers_once() -> None:
    with driven() as driver:
        driver.until_idle()
        assert [driver.answer("fork_and_return") for _ in range(3)] == [b"forked"] * 3
        assert [os.wait()[1] for _ in range(3)] == [0] * 3


def test_what_the_run_function_raises_loses_the_job_only(capfd: pytest.CaptureFixture[str]) -> None:
    with driven() as driver:
        (end,) = driver.run("escape from run")
        assert end == Lost(end.job, os.EX_SOFTWARE, os.getpid())
        assert driver.answer("echo on") == b"on"
    assert "LookupError: from run" in capfd.readouterr().err


def test_code_that_cannot_be_loaded_is_fatal_at_once() -> None:
    with driven(boot="tests.support.pool_jobs:boot_missing") as driver:
        driver.until(lambda: driver.failures)
        (failure,) = driver.failures
        assert failure.fatal
        assert "no_such_module" in failure.reason
        assert driver.pool.idle() == 0


def test_no_fresh_code_on_a_restart_and_no_other_size() -> None:
    with driven() as driver:
        driver.until_idle()
        driver.pool.restart()
        driver.until(lambda: driver.failures)
        assert (driver.failures[0].fatal, driver.pool.idle()) == (False, 1)
        with pytest.raises(ValueError, match="one slot"):
            driver.pool.grow(1)
        with pytest.raises(ValueError, match="one slot"):
            driver.pool.shrink(1)


def test_a_job_that_takes_sigint_for_itself_does_not_keep_it() -> None:
    """As pdb does when it is told to continue."""
    before = signal.getsignal(signal.SIGINT)
    with driven() as driver:
        assert driver.answer("take_sigint") == b"taken"
        assert signal.getsignal(signal.SIGINT) is before
