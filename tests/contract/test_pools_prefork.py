"""What only a pool does whose children have one slot: it grows and shrinks by children."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pools.interface import ChildOptions, Finished, Lost, Started
from pools.registry import open_pool
from tests.support.pool_driver import Gate, driven


def test_grow_and_shrink_by_children() -> None:
    with driven("prefork", slots=1) as driver:
        driver.until_idle()
        driver.pool.grow(3)
        driver.until_idle()
        assert len(driver.pool.pids()) == 4
        driver.pool.shrink(2)
        driver.until(lambda: len(driver.pool.pids()) == 2)
        assert driver.pool.ends()["shrink"] == 2


def test_shrink_takes_idle_children_first(gate: Gate) -> None:
    with driven("prefork", slots=3) as driver:
        driver.until_idle()
        (job,) = driver.begin(f"wait_at {gate}")
        driver.until_started(job)
        driver.pool.shrink(2)
        driver.until(lambda: [event.pid for event in driver.of(Started)] == driver.pool.pids())
        gate.release()
        assert isinstance(driver.end(job), Finished)
        driver.until_idle()


def test_processes_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="processes is 2, but a prefork pool has one for each slot"):
        open_pool("prefork", 4, ChildOptions("tests.support.pool_jobs:boot"), processes=2)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT, signal.SIGALRM])
def test_a_signal_for_a_job_does_what_it_does_by_default(gate: Gate, number: signal.Signals) -> None:
    with driven("prefork", slots=2) as driver:
        driver.until_idle()
        jobs = driver.begin(f"wait_at {gate}", f"wait_at {gate}")
        driver.until_started(*jobs)
        driver.pool.send_signal([jobs[0], 999], number)
        end = driver.end(jobs[0])
        assert isinstance(end, Lost)
        assert end.exitcode == -number
        gate.release()
        assert isinstance(driver.end(jobs[1]), Finished)


def test_a_signal_for_a_job_comes_to_the_handler_that_it_has(tmp_path: Path) -> None:
    ready = tmp_path / "handler"
    with driven("prefork") as driver:
        (job,) = driver.begin(f"handle_sigint {ready}")
        driver.until_started(job)  # the handler may be there before we are told that the job has begun
        driver.until(ready.exists)
        driver.pool.send_signal([job], signal.SIGINT)
        end = driver.end(job)
        assert isinstance(end, Finished)
        assert end.payload == b"handled 2"
