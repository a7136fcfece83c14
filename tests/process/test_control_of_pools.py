"""Remote control of each kind of pool: what has to do with where tasks run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded

from runtime import App
from runtime.errors import TaskRevokedError
from runtime.results.async_result import AsyncResult
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import POOLS, WIDE, Worker

TASKS = "tests.support.app."

Told = Callable[..., Any]


@pytest.fixture
def told(app: App, worker: Worker) -> Told:
    """What the worker answers to a command of `app.control`."""

    def told(method: str, *arguments: Any, **options: Any) -> Any:
        replies = getattr(app.control, method)(*arguments, reply=True, timeout=10, limit=1, **options)
        ((answer,),) = [reply.values() for reply in replies]
        return answer

    wait_until(app.control.ping)
    return told


@pytest.mark.parametrize("pool", POOLS)
def test_tasks_are_shown_and_revoked_wherever_they_are(
    app: App, worker: Worker, told: Told, pool: str
) -> None:
    asked = app.control.inspect(worker.node)
    far = app.send_task(TASKS + "mark", ["far"], countdown=600)
    wait_until(asked.scheduled)
    first, second, third = (app.send_task(TASKS + "mark", [name, 60]) for name in "abc")
    wait_until(lambda: len(asked.active()) == 2)
    assert {task["worker_pid"] for task in asked.active()} <= set(worker.children())
    assert told("revoke", [far.id, third.id])["ok"].startswith("tasks {'")
    assert told("revoke", [first.id], terminate=True) == {"ok": f"terminate: {first.id}"}
    for revoked in (first, third, far):
        with pytest.raises(TaskRevokedError):
            revoked.get(timeout=10)
    wait_until(lambda: [task["id"] for task in asked.active()] == [second.id])  # which ran beside it
    assert worker.started("c") == 0
    assert told("pool_grow", 2) == {"ok": "pool will grow"}
    assert asked.stats()["pool"]["max-concurrency"] == 4
    assert told("pool_shrink", 3) == {"ok": "pool will shrink"}
    assert asked.stats()["pool"]["max-concurrency"] == 1
    assert told("terminate", second.id)["ok"].startswith("terminate: ")
    with pytest.raises(TaskRevokedError):
        second.get(timeout=10)
    assert told("time_limit", TASKS + "early_mark", hard=0.3) == {"ok": "time limits set successfully"}
    with pytest.raises(TimeLimitExceeded):
        app.send_task(TASKS + "early_mark", ["limited", 60]).get(timeout=10)
    assert app.send_task(TASKS + "add", [1, 2]).get(timeout=10) == 3


@pytest.mark.parametrize("pool", POOLS)
def test_tasks_are_terminated_by_their_stamps(app: App, worker: Worker, told: Told, pool: str) -> None:
    stamped: dict[str, Any] = {"stamped_headers": ["order"], "order": "17"}
    running = app.send_task(TASKS + "mark", ["running", 60], **stamped)
    beside = app.send_task(TASKS + "mark", ["beside", 60])
    wait_until(lambda: worker.started("running") and worker.started("beside"))
    answer = told("revoke_by_stamped_headers", {"order": "17"}, terminate=True)
    assert answer == {"ok": "headers {'order': {'17'}} revoked"}
    with pytest.raises(TaskRevokedError):
        running.get(timeout=10)
    with pytest.raises(TaskRevokedError):
        app.send_task(TASKS + "mark", ["too late"], **stamped).get(timeout=10)
    wait_until(lambda: [each["id"] for each in app.control.inspect(worker.node).active()] == [beside.id])


@pytest.mark.parametrize("pool", [*POOLS, "solo"])
def test_limits_and_queues_are_changed_and_the_worker_is_shut_down(
    app: App, server: Server, worker: Worker, told: Told, pool: str
) -> None:
    assert told("time_limit", TASKS + "tidy", soft=0.3) == {"ok": "time limits set successfully"}
    assert app.send_task(TASKS + "tidy", ["limited"]).get(timeout=10) == "limited"
    assert told("add_consumer", "more") == {"ok": "add consumer more"}
    assert app.send_task(TASKS + "add", [1, 2], queue="more").get(timeout=10) == 3
    assert told("cancel_consumer", "more") == {"ok": "no longer consuming from more"}
    app.send_task(TASKS + "add", [1, 2], queue="more")
    assert app.send_task(TASKS + "add", [1, 2]).get(timeout=10) == 3
    assert server.client.llen("more") == 1
    running = app.send_task(TASKS + "mark", ["last", 0.5])
    wait_until(lambda: worker.started("last"))
    app.control.shutdown()
    assert worker.wait() == 0
    assert running.get(timeout=1) == "last"


@pytest.mark.parametrize("pool", POOLS)
def test_a_signal_acts_on_the_one_task_that_it_is_for(
    app: App, worker: Worker, told: Told, pool: str
) -> None:
    def revoke(task: AsyncResult, named: str) -> Any:
        return told("revoke", task.id, terminate=True, signal=named)

    beside, tidied = app.send_task(TASKS + "tidy", ["beside"]), app.send_task(TASKS + "tidy", ["tidied"])
    wait_until(lambda: worker.started("beside") and worker.started("tidied"))
    assert (
        "signal must be the name of one, such as SIGTERM or KILL, not 'SIGNO'"
        in (revoke(tidied, "SIGNO")["error"])
    )
    assert tidied.id not in app.control.inspect(worker.node).revoked()
    assert revoke(tidied, "USR1") == {"ok": f"terminate: {tidied.id}"}
    wait_until(lambda: "tidied tidied" in worker.effects())
    wait_until(lambda: app.AsyncResult(tidied.id).state == "SUCCESS")
    assert [task["id"] for task in app.control.inspect(worker.node).active()] == [beside.id]
    answer = revoke(beside, "INT")
    if pool in WIDE:
        assert "SIGINT would hit all jobs of a child" in answer["error"]
        assert "KILL, TERM and USR1 act on one task" in answer["error"]
        assert revoke(beside, "TERM") == {"ok": f"terminate: {beside.id}"}
    with pytest.raises(TaskRevokedError, match="terminated"):
        beside.get(timeout=10)
    assert "tidied beside" not in worker.effects()


@pytest.mark.parametrize("pool", ["threads", "gevent", "solo"])
def test_stats_have_what_celerys_worker_of_the_same_pool_tells(
    app: App, server: Server, worker: Worker, told: Told, pool: str, tmp_path: Path
) -> None:
    with CeleryWorker(server.url(), tmp_path, "-P", pool) as theirs:
        wait_until(lambda: len(app.control.ping()) == 2)
        stats = app.control.inspect([worker.node, theirs.node], timeout=10).stats()
    assert stats[worker.node].keys() == stats[theirs.node].keys()
    assert stats[worker.node]["pool"].keys() >= stats[theirs.node]["pool"].keys()


@pytest.mark.parametrize("pool", ["solo"])
def test_solo_says_what_it_cannot_do(app: App, worker: Worker, told: Told, pool: str) -> None:
    for change in ("pool_grow", "pool_shrink"):
        assert "the solo pool has one slot" in told(change)["error"]
    far = app.send_task(TASKS + "mark", ["far"], countdown=600)
    wait_until(app.control.inspect(worker.node).scheduled)
    far.revoke()
    with pytest.raises(TaskRevokedError):
        far.get(timeout=10)
