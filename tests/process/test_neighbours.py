"""What tasks in one child can do to each other, in pools whose children run many at once."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from billiard.exceptions import WorkerLostError

from runtime import App
from tests.process.test_outcomes import nothing_left, send
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import WIDE, Worker

in_wide_pools = pytest.mark.parametrize("pool", WIDE)

MARK = {"threads": "mark", "asyncio": "async_mark", "gevent": "mark"}


@in_wide_pools
def test_a_poisonous_task_is_buried_and_no_neighbour_with_it(
    app: App, server: Server, tmp_path: Path, pool: str
) -> None:
    with Worker(server.url(), tmp_path, pool=pool, slots=40) as worker:
        names = [f"m{n}" for n in range(39)]
        good = {name: send(app, MARK[pool], name, 0.5) for name in names}
        wait_until(lambda: all(map(worker.started, names)), 10)
        poison = send(app, "poison", "p")
        with pytest.raises(WorkerLostError, match="signal 9"):
            poison.get(timeout=20)
        assert worker.started("p") == 3
        (entry,) = map(json.loads, server.client.lrange("runtime.dead.celery", 0, -1))
        assert (entry["id"], entry["deliveries"]) == (poison.id, 3)
        assert {name: good[name].get(timeout=60) for name in names} == {name: name for name in names}
        assert max(map(worker.started, names)) <= 3
        assert [name for name in names if worker.ended(name) != 1] == []
        wait_until(lambda: nothing_left(server), 5)


@in_wide_pools
def test_who_ran_beside_a_task_that_leaves_runs_again(
    app: App, server: Server, tmp_path: Path, pool: str
) -> None:
    with Worker(server.url(), tmp_path, pool=pool, slots=21) as worker:
        names = [f"m{n}" for n in range(20)]
        good = [send(app, MARK[pool], name, 1.0) for name in names]
        wait_until(lambda: all(map(worker.started, names)), 10)
        left = time.monotonic()
        leaving = send(app, "leave_at_once", "l", 1)
        wait_until(lambda: [worker.started(name) for name in names] == [2] * 20, 10)
        assert time.monotonic() - left < 2
        assert [result.get(timeout=10) for result in good] == names
        assert leaving.get(timeout=10) == "l"
        assert [worker.ended(name) for name in names] == [1] * 20
        wait_until(lambda: nothing_left(server), 5)


@pytest.mark.parametrize("pool", ["asyncio", "gevent"])
def test_what_a_blocked_child_cannot_begin_is_done_by_another_worker(
    app: App, server: Server, tmp_path: Path, pool: str
) -> None:
    blocking = "async_block" if pool == "asyncio" else "hold_interpreter"
    with Worker(server.url(), tmp_path, pool=pool, slots=10, name="blocked") as blocked:
        send(app, blocking, "b", 20.0)
        wait_until(lambda: blocked.started("b"), 10)
        with Worker(server.url(), tmp_path, pool=pool, slots=10, name="free"):
            names = [f"m{n}" for n in range(60)]
            quick = [send(app, MARK[pool], name) for name in names]
            assert [result.get(timeout=10) for result in quick] == names
            assert blocked.ended("b") == 0
