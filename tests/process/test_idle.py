"""What a worker with nothing to do costs (P14)."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

ON_THE_WIRE = ("evalsha", "publish", "ping", "psubscribe", "punsubscribe")


def test_an_idle_worker_with_default_settings_asks_little_of_redis(server: Server, tmp_path: Path) -> None:
    with Worker(server.url(), tmp_path):
        wait_until(lambda: server.client.exists("_kombu.binding.celeryev"))
        assert len(server.client.client_list()) - 1 <= 3
        server.client.config_resetstat()
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun > 6)
        asked = server.client.info("commandstats")
        # What scripts call is in these figures too, so only what comes over the wire is counted.
        calls = {name: asked.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ON_THE_WIRE}
        assert sum(calls.values()) <= 2 * 6 + 1, calls
