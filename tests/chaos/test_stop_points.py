"""A SIGKILL at each row of a message's way (the table in `runtime.worker`): nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime import App
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import ROOT, Worker

STOP_POINTS = ROOT / "tests" / "support" / "stop_points"
TASKS = 40

SUPERVISOR = [
    "brokers.redis.consumer:RedisConsumer.take after 2",
    "brokers.redis.intake:Take.deliveries before 2",
    "brokers.envelope:parse before 5",
    "runtime.worker.pipeline.intake:admit after 5",
    "runtime.worker.pipeline.hold:NearlyDue.add before 2",
    "brokers.redis.consumer:RedisConsumer.hold after 1",
    "runtime.worker.pipeline.dispatch:Dispatcher.dispatch before 3",
    "pools.pool:ChildPool.submit before 3",
    "pools.pool:ChildPool.submit after 3",
    "runtime.worker.pipeline.settle:Settler.reported before 5",
    "runtime.worker.pipeline.settle:Settler.reported after 5",
    "brokers.redis.consumer:RedisConsumer.settle before 3",
    "brokers.redis.consumer:RedisConsumer.settle after 3",
]
CHILD = [
    "runtime.execution.run:Runner.__call__ before 5",
    "runtime.execution.run:Runner.__call__ after 5",
]


def worker_that_stops(server: Server, directory: Path, point: str) -> Worker:
    """Without a bound on deliveries: where every child dies at its fifth run, that may be the same task's
    each time."""
    path = os.pathsep.join((str(STOP_POINTS), str(ROOT)))
    env = {"STOP_AT": point, "PYTHONPATH": path, "SETTINGS": '{"task_max_deliveries": 0}'}
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


@pytest.mark.parametrize("point", SUPERVISOR)
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


@pytest.mark.parametrize("point", CHILD)
def test_children_killed_there_lose_nothing(app: App, server: Server, tmp_path: Path, point: str) -> None:
    with worker_that_stops(server, tmp_path, point) as worker:
        sent = send_load(app)
        assert_all_done(app, server, worker, sent)
        assert worker.log().count("exit code -9") >= TASKS // 10
