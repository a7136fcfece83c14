"""Quick tasks among long ones, on two workers with default settings: nobody hoards (P10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import App
from tests.process.test_outcomes import send
from tests.support.servers import Server
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
