"""A SIGKILL at each row of a message's way (the table in `runtime.worker`): nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker
from tools.havoc import rows

TASKS = 40


def worker_that_stops(server: Server, directory: Path, point: str) -> Worker:
    """Without a bound on deliveries: where every child dies at its fifth run, that may be the same task's
    each time."""
    env = {**rows.environment(point, str(ROOT)), "SETTINGS": '{"task_max_deliveries": 0}'}
    return Worker(server.url(), directory, env=env)


def send_load(app: App) -> dict[str, str]:
    """Names of late-ack tasks → their ids: most at once, some soon, some later: later than a worker that
    starts meanwhile needs until its first take, on a busy machine too."""
    countdowns = {5: 0.5, 6: 0.5, 7: 4.0}
    return {
        f"m{n}": app.send_task("tests.support.app.mark", (f"m{n}", 0.01), countdown=countdowns.get(n % 10)).id
        for n in range(TASKS)
    }


def assert_all_done(app: App, server: Server, worker: Worker, sent: dict[str, str]) -> None:
    for name, task_id in sent.items():
        assert app.AsyncResult(task_id).get(timeout=15) == name
    wait_until(lambda: not server.client.hlen("unacked") and not server.client.llen("celery"), 5)
    for name in sent:
        pids = [line.split()[2] for line in worker.effects() if line.startswith(f"start {name} ")]
        assert pids
        assert len(pids) == len(set(pids)), "again in the process that had run it"


@pytest.mark.parametrize("point", rows.SUPERVISOR)
def test_a_supervisor_killed_there_loses_nothing(
    app: App, server: Server, tmp_path: Path, point: str
) -> None:
    with worker_that_stops(server, tmp_path, point) as stopping:
        # Only now: a worker that boots slowly would find everything due, and hold nothing.
        sent = send_load(app)
        assert stopping.wait(20) == -9, stopping.log()
    with Worker(server.url(), tmp_path) as worker:
        assert_all_done(app, server, worker, sent)
        assert max(worker.started(name) for name in sent) <= 2


@pytest.mark.parametrize("point", rows.CHILD)
def test_children_killed_there_lose_nothing(app: App, server: Server, tmp_path: Path, point: str) -> None:
    with worker_that_stops(server, tmp_path, point) as worker:
        sent = send_load(app)
        assert_all_done(app, server, worker, sent)
        assert worker.log().count("exit code -9") >= TASKS // 10


def test_a_call_during_which_others_begin_stops_its_process_as_well(tmp_path: Path) -> None:
    (tmp_path / "meeting.py").write_text(
        "class Guest:\n    def come(self, barrier):\n        barrier.wait()\n"
    )
    program = (
        "import meeting, threading\nbarrier = threading.Barrier(3)\n"
        "for _ in range(3): threading.Thread(target=meeting.Guest().come, args=[barrier]).start()\n"
    )
    env = {**os.environ, **rows.environment("meeting:Guest.come after 2", str(tmp_path))}
    assert subprocess.run([sys.executable, "-c", program], env=env, check=False).returncode == -9
