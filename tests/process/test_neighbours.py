"""What tasks in one child can do to each other, in pools whose children run many at once."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from billiard.exceptions import WorkerLostError

from runtime import App
from tests.process.test_outcomes import nothing_left, send
from tests.support.servers import ONE, Server
from tests.support.waiting import wait_until
from tests.support.worker import WIDE, Worker, freeze

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


@in_wide_pools
def test_a_fork_that_returns_from_its_task_answers_for_nobody(app: App, worker: Worker, pool: str) -> None:
    neighbour = send(app, MARK[pool], "n", 1.0)
    wait_until(lambda: worker.started("n"), 10)
    assert send(app, "spread", "s").get(timeout=10) == "s"
    assert neighbour.get(timeout=10) == "n"
    assert (worker.started("s"), worker.started("n"), worker.ended("n")) == (1, 1, 1)
    assert "lost its child" not in worker.log()


@in_wide_pools
def test_big_results_beside_small_ones(app: App, server: Server, tmp_path: Path, pool: str) -> None:
    size = 10_000_000
    with Worker(server.url(), tmp_path, pool=pool, slots=20):
        big = [send(app, "big", size) for _ in range(3)]
        small = [send(app, "add", n, 1) for n in range(50)]
        assert [result.get(timeout=20) for result in small] == [n + 1 for n in range(50)]
        assert [len(result.get(timeout=20)) for result in big] == [size] * 3


@in_wide_pools
def test_a_stopped_child_keeps_what_it_runs_and_nothing_else(
    app: App, server: Server, tmp_path: Path, pool: str
) -> None:
    """The other child begins what it does not, and it goes on where it was."""
    with Worker(server.url(), tmp_path, "--processes", "2", pool=pool, slots=20) as worker:
        names = [f"m{n}" for n in range(4)]
        held = [send(app, MARK[pool], name, 1.0) for name in names]
        wait_until(lambda: all(map(worker.started, names)), 10)
        stopped = worker.pid_of("m0")
        freeze(stopped)
        quick = [send(app, MARK[pool], f"q{n}") for n in range(100)]
        assert [result.get(timeout=10) for result in quick] == [f"q{n}" for n in range(100)]
        os.kill(stopped, signal.SIGCONT)
        assert [result.get(timeout=10) for result in held] == names
        assert [worker.started(name) for name in names] == [1] * 4
        assert max(worker.started(f"q{n}") for n in range(100)) == 1


@in_wide_pools
def test_redis_restarts_while_many_run(app: App, tmp_path: Path, pool: str) -> None:
    with Server(ONE, aof=True) as server, Worker(server.url(), tmp_path, pool=pool, slots=100) as worker:
        client = App("client", broker=server.url(), backend=server.url(), set_as_current=False)
        names = [f"m{n}" for n in range(150)]
        sent = [send(client, MARK[pool], name, 2.0) for name in names]
        wait_until(lambda: sum(map(worker.started, names)) == 100, 10)
        server.restart()
        assert [result.get(timeout=20) for result in sent] == names
        assert [worker.started(name) for name in names] == [1] * 150
        wait_until(lambda: nothing_left(server), 5)
        client.close()
