"""A real worker whose pool follows its load."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from runtime import App
from tests.process.test_outcomes import send
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, Worker


def test_its_bounds_can_be_changed(app: App, server: Server, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path, "--autoscale", "4,1", slots=None) as worker:
        asked = app.control.inspect(worker.node)
        assert wait_until(asked.stats)["autoscaler"] == {"max": 4, "min": 1, "current": 1, "qty": 0}
        (answer,) = app.control.autoscale(3, 2, reply=True)
        assert answer == {worker.node: {"ok": "autoscale now max=3 min=2"}}
        assert asked.stats()["autoscaler"] == {"max": 3, "min": 2, "current": 2, "qty": 0}
        (answer,) = app.control.autoscale(1, 2, reply=True)
        assert "max not the smaller" in answer[worker.node]["error"]
        for command in (app.control.pool_grow, app.control.pool_shrink):
            (answer,) = command(reply=True)
            assert "is not supported with autoscale" in answer[worker.node]["error"]


@pytest.mark.parametrize("pool", POOLS)
def test_it_grows_under_load_and_stops_as_any(app: App, server: Server, tmp_path: Path, pool: str) -> None:
    with Worker(server.url(), tmp_path, "--autoscale", "3,1", pool=pool, slots=None) as worker:
        assert f"{pool}, 1 to 3 slots" in worker.log()
        for name in "abcd":
            send(app, "mark", name, 60)
        wait_until(lambda: sum(map(worker.started, "abcd")) == 3, 15)
        assert "Autoscale: from 1 to 2 slots" in worker.log()
        assert len(app.control.autoscale(4, 1, reply=True, limit=1)) == 1
        wait_until(lambda: worker.started("d"), 15)
        worker.signal(signal.SIGQUIT)
        assert worker.wait() == 0
        assert server.client.llen("celery") == 4
