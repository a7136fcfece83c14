"""A real worker whose pool follows its load."""

from __future__ import annotations

import signal
from pathlib import Path

from runtime import App
from tests.process.test_outcomes import send
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


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
