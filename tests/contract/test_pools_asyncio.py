"""What only an asyncio pool does: native coroutines in the event loop of its children."""

from __future__ import annotations

import time

import pytest

from pools.interface import Finished, Lost, Started, TimedOut
from tests.support.pool_driver import Gate, driven


def test_a_thousand_sleep_at_once_in_one_child() -> None:
    with driven("asyncio", 1000, 1) as driver:
        driver.until_idle()
        before = time.monotonic()
        ends = driver.run(*["async_sleep 0.5"] * 1000)
        assert all(isinstance(end, Finished) for end in ends)
        assert time.monotonic() - before < 10


@pytest.mark.parametrize("body", ["async_sleep 30", "async_nested 30", "async_spin 30"])
def test_soft_limit(body: str) -> None:
    with driven("asyncio", 2, 1) as driver:
        (job,) = driver.begin(driver.job(body, soft=0.2))
        end = driver.end(job)
        assert isinstance(end, Finished)
        assert end.payload == b"soft limit"
        assert 0.2 <= end.at - driver.of(Started)[0].at < 1.2
        assert driver.answer("async_sleep 0") == b"slept"


def test_soft_limit_hits_once() -> None:
    with driven("asyncio", 2, 1) as driver:
        assert driver.answer("async_twice 0.7", soft=0.1) == b"soft limit, then slept"


def test_soft_limits_never_hit_another_job() -> None:
    with driven("asyncio", 10, 1) as driver:
        driver.until_idle()
        jobs = []
        for number in range(150):
            jobs.append(driver.job(f"async_sleep {0.001 + number % 10 / 5_000}", soft=0.002))
            jobs.append(driver.job(f"async_spin {0.001 + number % 10 / 5_000}", soft=0.002))
            jobs.append(driver.job("async_sleep 0.002"))
        driver.begin(*jobs, depth=4)
        ends = [driver.end(job.id) for job in jobs]
        assert {end.payload for end in ends[2::3] if isinstance(end, Finished)} == {b"slept"}
        assert len(driver.of(Finished)) == len(jobs)
        assert driver.failures == []


@pytest.mark.parametrize("body", ["async_sleep 60", "async_spin 60"])
def test_hard_limit_beside_others(body: str) -> None:
    """The one that spins is stopped, so that the others can go on."""
    with driven("asyncio", 2, 1) as driver:
        (neighbour,) = driver.begin("async_sleep 1")
        driver.until_started(neighbour)
        (end,) = driver.run(driver.job(body, hard=0.2))
        assert end == TimedOut(end.job, 0.2)
        assert isinstance(driver.end(neighbour), Finished)
        driver.until_idle()
        assert driver.failures == []


def test_what_escapes_a_coroutine_ends_the_child() -> None:
    with driven("asyncio", 2, 1) as driver:
        (end,) = driver.run("async_escape loudly")
        assert isinstance(end, Lost)
        assert end.exitcode == 70


def test_a_blocked_loop_is_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    with driven("asyncio", 2, 1, max_blocking=0.2) as driver:
        assert driver.answer("async_spin 1") == b"spun"
        driver.answer("async_sleep 0.2")
        told = capfd.readouterr().err
        assert "in async_spin" in told
        assert "a job held up the event loop for" in told


def test_jobs_that_wait_do_not_block_the_loop(capfd: pytest.CaptureFixture[str], gate: Gate) -> None:
    with driven("asyncio", 2, 1, max_blocking=0.2) as driver:
        driver.begin(f"wait_at {gate}")
        assert driver.answer("async_sleep 1") == b"slept"
        gate.release()
        driver.until_idle()
        assert capfd.readouterr().err == ""
