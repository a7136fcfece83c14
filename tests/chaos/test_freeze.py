"""A worker that was stopped for longer than its lease, while another one did its work."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

LEASE = 1.0


def test_a_worker_frozen_past_its_lease_begins_nothing_that_is_anothers_by_now(
    app: App, server: Server, tmp_path: Path
) -> None:
    env = {"SETTINGS": json.dumps({"worker_lease": LEASE})}
    options = ("--prefetch-multiplier", "10")
    with Worker(server.url(), tmp_path, *options, slots=1, env=env, name="frozen") as frozen:
        started = app.send_task("tests.support.app.mark", ("running", 4 * LEASE))
        waiting = [app.send_task("tests.support.app.mark", (f"m{n}",)) for n in range(5)]
        wait_until(lambda: frozen.started("running") and server.client.hlen("unacked") == 6, 10)
        frozen.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        with Worker(server.url(), tmp_path, slots=2, env=env, name="other") as other:
            assert [result.get(timeout=20) for result in waiting] == [f"m{n}" for n in range(5)]
            wait_until(lambda: time.monotonic() - stopped > 3 * LEASE and frozen.ended("running"), 10)
            frozen.signal(signal.SIGCONT)
            assert started.get(timeout=20) == "running"
            assert app.send_task("tests.support.app.mark", ("after",)).get(timeout=10) == "after"
            wait_until(lambda: not server.client.hlen("unacked"), 10)
            assert frozen.started("running") == 2
            assert [frozen.started(f"m{n}") for n in range(5)] == [1] * 5
            assert "came too late" in frozen.log()
            assert other.process.poll() is None
            assert frozen.process.poll() is None
