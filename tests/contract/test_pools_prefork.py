"""What only a pool does whose children have one slot: it grows and shrinks by children."""

from __future__ import annotations

import pytest

from pools.interface import ChildOptions, Finished, Started
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
