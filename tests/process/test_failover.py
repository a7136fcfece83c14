"""A worker and clients whose Redis is found by sentinels go with the master when it moves (P7)."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import App
from tests.support.replicated import Replicated
from tests.support.servers import ONE
from tests.support.waiting import wait_until
from tests.support.worker import Worker

TASKS = 500


@pytest.fixture
def replicated() -> Iterator[Replicated]:
    with Replicated(ONE) as replicated:
        yield replicated


@pytest.fixture
def worker(replicated: Replicated, tmp_path: Path) -> Iterator[Worker]:
    options = {
        "broker_transport_options": replicated.options,
        "result_backend_transport_options": replicated.options,
    }
    with Worker(replicated.url, tmp_path, env={"SETTINGS": json.dumps(options)}) as worker:
        yield worker


@pytest.fixture
def app(replicated: Replicated) -> Iterator[App]:
    app = App("client", broker=replicated.url, backend=replicated.url, set_as_current=False)
    app.conf.broker_transport_options = app.conf.result_backend_transport_options = replicated.options
    yield app
    app.close()


@pytest.mark.parametrize(
    ("moves", "noticed"),
    [
        (Replicated.kill_master, "reconnecting"),
        (Replicated.freeze_master, "no answer"),
        (Replicated.fail_over, "READONLY"),
    ],
)
def test_the_same_worker_and_client_go_on_with_the_new_master(
    app: App, replicated: Replicated, worker: Worker, moves: Callable[[Replicated], None], noticed: str
) -> None:
    pid = worker.process.pid
    results = app.send_many(app.signature("tests.support.app.mark", (f"m{n}", 0.01)) for n in range(TASKS))
    wait_until(lambda: len(worker.effects()) > 40, 5)
    assert replicated.second.client.info("replication")["role"] == "slave"
    replicated.catch_up()
    moves(replicated)
    assert [result.get(timeout=30) for result in results] == [f"m{n}" for n in range(TASKS)]
    assert replicated.second.client.info("replication")["role"] == "master"
    assert app.send_task("tests.support.app.add", (1, 2)).get(timeout=5) == 3
    assert noticed in worker.log()
    assert worker.process.poll() is None
    assert worker.process.pid == pid
    assert {worker.ended(f"m{n}") > 0 for n in range(TASKS)} == {True}
    # What the old master has confirmed since the other one was promoted is lost, and done again.
    with replicated.second.connect(db=2) as client:
        wait_until(lambda: not client.exists("unacked", "unacked_index", "celery"), 10)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
