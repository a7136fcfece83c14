"""A real worker whose pool follows its load."""

from __future__ import annotations

import signal
from pathlib import Path

from runtime import App
from tests.process.test_outcomes import send
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


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


def test_it_grows_under_load_and_stops_as_any(app: App, server: Server, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path, "--autoscale", "4,1", slots=None) as worker:
        assert "prefork, 1 to 4 slots" in worker.log()
        for name in "abcd":
            send(app, "mark", name, 60)
        wait_until(lambda: all(worker.started(name) for name in "abcd"), 15)
        assert "Autoscale: from 1 to 2 slots" in worker.log()
        worker.signal(signal.SIGQUIT)
        assert worker.wait() == 0
        assert server.client.llen("celery") == 4
