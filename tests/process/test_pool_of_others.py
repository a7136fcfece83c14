"""A worker whose pool another distribution brings."""

from __future__ import annotations

import os
from pathlib import Path

from runtime import App
from tests.process.test_outcomes import send
from tests.support.servers import Server
from tests.support.worker import ROOT, Worker

MODULE = """
from pools.kinds import BY_NAME
from pools.pool import ChildPool

def make(slots, processes, options):
    print("a tank of", slots, "in", processes)
    return ChildPool(BY_NAME["threads"], slots, options, processes)
"""


def test_it_is_named_as_any_other_and_runs_the_tasks(app: App, server: Server, tmp_path: Path) -> None:
    information = tmp_path / "tank-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tank\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[worker_runtime.pools]\ntank = tank:make\n")
    (tmp_path / "tank.py").write_text(MODULE)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with Worker(server.url(), tmp_path, "--processes", "2", pool="tank", slots=3, env=env) as worker:
        assert "pool       tank, 3 slots in 2 processes" in worker.log()
        assert "a tank of 3 in 2" in worker.log()
        assert send(app, "add", 1, 2).get(timeout=10) == 3
        stats = app.control.inspect(worker.node, timeout=10).stats()
        assert (stats["pool"]["implementation"], stats["pool"]["max-concurrency"]) == ("tank", 3)
