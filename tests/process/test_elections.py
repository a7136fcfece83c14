"""Workers elect one of them, which does what only one should (`control election`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from runtime import App
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

MARK = "tests.support.app.mark"


def elect(app: App, name: str, *workers: Worker) -> None:
    action = app.signature(MARK, [name])
    assert len(app.control.election(name, "task", action, reply=True, timeout=10)) == len(workers)
    wait_until(lambda: workers[0].ended(name))
    for worker in workers:
        wait_until(partial(lambda log: f"Election {name}: " in log(), worker.log))
    assert sum(worker.log().count(f"Election {name}: this worker has won") for worker in workers) == 1
    assert workers[0].started(name) == 1, "their effects are in one file"


def test_one_of_several_sends_the_task(app: App, server: Server, tmp_path: Path) -> None:
    with (
        Worker(server.url(), tmp_path, loglevel="debug") as first,
        Worker(server.url(), tmp_path, loglevel="debug", name="w2") as second,
    ):
        wait_until(lambda: f"Gossip: {second.node} is there" in first.log())
        wait_until(lambda: f"Gossip: {first.node} is there" in second.log())
        for name in ("e1", "e2"):
            elect(app, name, first, second)
        app.control.election("e3", "unknown", None)
        wait_until(lambda: "topic must be 'task', not 'unknown'" in first.log() + second.log())
        assert len(app.control.ping(timeout=10)) == 2


def test_the_answer_is_that_of_a_celery_worker(app: App, server: Server, tmp_path: Path) -> None:
    with (
        CeleryWorker(server.url(), tmp_path, gossip=True) as theirs,
        Worker(server.url(), tmp_path) as ours,
    ):
        wait_until(lambda: len(app.control.ping(timeout=1.0)) == 2, 20)
        # The last that is asked of Celery's: it ends by an IndexError in its gossip if it hears itself
        # acknowledge its candidacy before it has heard of another one.
        answers: list[dict[str, Any]] = app.control.election("e", "task", reply=True, timeout=10)
        assert {**answers[0], **answers[1]} == {ours.node: None, theirs.node: None}
