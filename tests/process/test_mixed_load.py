"""Quick tasks among long ones, on two workers with default settings: nobody hoards (P10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import App
from tests.process.test_outcomes import send
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, Worker

LONG = 30.0
QUICK = 0.001


@pytest.mark.parametrize("pool", POOLS)
def test_quick_tasks_end_while_long_ones_run(app: App, server: Server, tmp_path: Path, pool: str) -> None:
    """Three long ones among them take three of the four slots, wherever that is."""
    with (
        Worker(server.url(), tmp_path, pool=pool, name="w1") as worker,
        Worker(server.url(), tmp_path, pool=pool, name="w2"),
    ):
        quick = []
        for number in range(300):
            if number in (20, 100, 180):
                send(app, "mark", f"long{number}", LONG)
            quick.append(send(app, "mark", f"m{number}", QUICK))
        for result in quick:
            result.get(timeout=20)
        assert [worker.started(f"long{number}") for number in (20, 100, 180)] == [1, 1, 1]
        assert [worker.ended(f"long{number}") for number in (20, 100, 180)] == [0, 0, 0]
        assert [n for n in range(300) if worker.started(f"m{n}") != 1] == []


def test_tasks_that_become_slower_do_not_wait_for_the_worker_that_was_quick(
    app: App, server: Server, tmp_path: Path
) -> None:
    """It has as many at hand as it did in 50 ms before, and has no time without an end."""
    apart = tmp_path / "apart"
    apart.mkdir()
    with (
        Worker(server.url(), tmp_path, name="quick") as quick,
        Worker(server.url(), apart, name="idle") as idle,
    ):
        idle.freeze()
        names = [f"m{number}" for number in range(80)]
        app.send_many(
            [app.signature("tests.support.app.silent")] * 2000
            + [app.signature("tests.support.app.mark", (name, 0.09)) for name in names]
        )
        wait_until(lambda: not server.client.llen("celery"))
        idle.thaw()
        wait_until(lambda: all(quick.ended(name) + idle.ended(name) for name in names), 20)
        assert [name for name in names if quick.started(name) + idle.started(name) != 1] == []
        assert idle.effects()
