"""What only a gevent pool does: greenlets, in a process that is patched before all else."""

from __future__ import annotations

import time

import pytest

from pools.interface import Finished, TimedOut
from tests.support.pool_driver import Gate, driven

JOBS = "tests.support.pool_jobs"


def test_a_thousand_sleep_at_once_in_one_child() -> None:
    with driven("gevent", 1000, 1) as driver:
        driver.until_idle()
        before = time.monotonic()
        ends = driver.run(*["sleep 0.5"] * 1000)
        assert all(isinstance(end, Finished) for end in ends)
        assert time.monotonic() - before < 10


def test_the_user_s_code_is_imported_in_a_patched_process() -> None:
    with driven("gevent", boot=f"{JOBS}:boot_patched") as driver:
        driver.until_idle()
        assert driver.boots[0].hello == b"patched"
        assert driver.answer("greenlet_facts") == b"gevent gevent gevent"


def test_a_job_that_spins_past_its_hard_limit_does_not_hold_up_the_others() -> None:
    with driven("gevent", 2, 1) as driver:
        (neighbour,) = driver.begin("sleep 1")
        driver.until_started(neighbour)
        (end,) = driver.run(driver.job("spin 60", hard=0.2))
        assert end == TimedOut(end.job, 0.2)
        assert isinstance(driver.end(neighbour), Finished)
        driver.until_idle()
        assert driver.failures == []


def test_a_blocked_hub_is_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    with driven("gevent", 2, 1, max_blocking=0.2) as driver:
        assert driver.answer("spin 1") == b"spun"
        driver.answer("sleep 0.2")
        told = capfd.readouterr().err
        assert "in spin" in told
        assert "a job held up the event loop for" in told


def test_jobs_that_wait_do_not_block_the_hub(capfd: pytest.CaptureFixture[str], gate: Gate) -> None:
    with driven("gevent", 2, 1, max_blocking=0.2) as driver:
        driver.begin(f"wait_at {gate}")
        assert driver.answer("sleep 1") == b"slept"
        gate.release()
        driver.until_idle()
        assert capfd.readouterr().err == ""


def test_programs_that_a_job_starts_do_not_block_the_hub() -> None:
    with driven("gevent", 4, 1) as driver:
        driver.until_idle()
        before = time.monotonic()
        ends = driver.run(*["run_program 0.5"] * 4)
        assert [end.payload for end in ends if isinstance(end, Finished)] == [b"0"] * 4
        assert time.monotonic() - before < 1.9


def test_a_process_that_ends_at_once_is_not_waited_for_in_vain() -> None:
    with driven("gevent") as driver:
        assert driver.answer("outlive_process") == b"outlived"


def test_a_timeout_that_a_job_forgot_is_not_raised_in_the_next() -> None:
    with driven("gevent", 2, 1) as driver:
        driver.until_idle()
        jobs = driver.begin("forget_timeout 0.1", "forget_timeout 0.2", *["sleep 0.05"] * 12, depth=20)
        ends = [driver.end(job) for job in jobs]
        assert [end.payload for end in ends if isinstance(end, Finished)] == [b"forgotten"] * 2 + [
            b"slept"
        ] * 12
        assert driver.failures == []


def test_a_job_finds_nothing_that_another_left_in_its_greenlet() -> None:
    with driven("gevent", 2, 1) as driver:
        driver.until_idle()
        jobs = driver.begin(*["replace_values x", "sleep 0.01"] * 10, depth=20)
        found = {end.payload for end in map(driver.end, jobs) if isinstance(end, Finished)}
        assert found == {b"nothing nothing", b"slept"}
