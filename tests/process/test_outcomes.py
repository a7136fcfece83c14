"""How tasks end: what is stored, what becomes of the message."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError

from runtime import App, chord
from runtime.errors import (
    ChordError,
    MaxRetriesExceededError,
    NotRegistered,
    Reject,
    TaskError,
    TaskRevokedError,
)
from runtime.results.async_result import AsyncResult
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker


def send(app: App, name: str, *args: object, **options: Any) -> AsyncResult:
    return app.send_task(f"tests.support.app.{name}", args, **options)


def nothing_left(server: Server) -> bool:
    redis = server.client
    return not (redis.llen("celery") or redis.hlen("unacked") or redis.zcard("unacked_index"))


def test_a_result_is_stored_with_an_expiry_and_announced(app: App, server: Server, worker: Worker) -> None:
    result = send(app, "add", 2, 8)
    assert result.get(timeout=10) == 10
    assert (result.state, result.ready(), result.successful(), result.failed()) == (
        "SUCCESS",
        True,
        True,
        False,
    )
    key = f"celery-task-meta-{result.id}"
    assert 86000 < server.client.ttl(key) <= 86400
    document = json.loads(server.client.get(key))
    assert document["status"] == "SUCCESS"
    assert document["task_id"] == result.id
    assert document["traceback"] is None
    result.forget()
    assert not server.client.exists(key)
    wait_until(lambda: nothing_left(server), 5)


def test_ignored_results_are_not_stored(app: App, server: Server, worker: Worker) -> None:
    by_task = send(app, "silent")
    by_caller = send(app, "add", 1, 1, ignore_result=True)
    send(app, "add", 1, 2).get(timeout=10)
    wait_until(lambda: nothing_left(server), 5)
    assert by_task.state == by_caller.state == "PENDING"


def test_nobody_waits_for_an_ignored_result(app: App, worker: Worker) -> None:
    silent = app.task(name="tests.support.app.silent", ignore_result=True)(lambda: "not kept")
    assert silent.delay().get() is None
    assert silent.s().delay().get() is None
    assert send(app, "add", 1, 1, ignore_result=True).get() is None
    assert silent.apply_async(ignore_result=False).get(timeout=10) == "not kept"
    assert asyncio.run(silent.delay().aget()) is None


def test_exceptions_come_back_as_themselves(app: App, worker: Worker) -> None:
    result = send(app, "fail", "wrong")
    with pytest.raises(ValueError, match="wrong") as caught:
        result.get(timeout=10)
    assert caught.value.args == ("wrong", 7)
    assert isinstance(result.get(timeout=10, propagate=False), ValueError)
    assert result.failed()
    assert str(result.traceback).startswith("Traceback (most recent call last):")
    assert "runtime/execution" not in str(result.traceback)


def test_leaving_the_interpreter_is_a_failure_of_the_task_only(app: App, worker: Worker) -> None:
    before = send(app, "whoami").get(timeout=10)["hostname"]
    assert before == worker.node
    with pytest.raises(BaseException, match="3") as caught:
        send(app, "leave").get(timeout=10)
    assert type(caught.value).__name__ == "SystemExit"
    assert send(app, "add", 1, 1).get(timeout=10) == 2


def test_the_request_is_as_sent(app: App, worker: Worker) -> None:
    result = send(app, "whoami", headers={"tenant": "a"}, priority=3)
    told = result.get(timeout=10)
    assert told["id"] == told["root_id"] == result.id
    assert told["headers"]["tenant"] == "a"
    assert told["delivery_info"]["priority"] == 3
    assert not told["delivery_info"]["redelivered"]


def test_retries_run_again_until_they_succeed_or_are_used_up(app: App, worker: Worker) -> None:
    assert send(app, "flaky", "a", 2).get(timeout=10) == 2
    assert worker.effects() == ["try a 0", "try a 1", "try a 2"]
    with pytest.raises(ValueError, match="not yet"):
        send(app, "flaky", "b", 9).get(timeout=10)
    assert worker.effects()[3:] == ["try b 0", "try b 1", "try b 2"]
    with pytest.raises(MaxRetriesExceededError):
        send(app, "always_retry").get(timeout=10)


def test_ignore_and_reject(app: App, server: Server, worker: Worker) -> None:
    ignored = send(app, "ignored")
    with pytest.raises(Reject):
        send(app, "rejected").get(timeout=10)
    assert send(app, "rejected", "once").get(timeout=10) == "done"
    assert worker.effects() == ["rejected once", "rejected once"]
    wait_until(lambda: nothing_left(server), 5)
    assert ignored.state == "PENDING"
    begun = [send(app, "early_rejected", "e") for _ in range(20)]
    wait_until(lambda: worker.started("e") == 20 and nothing_left(server), 5)
    assert send(app, "add", 1, 1).get(timeout=10) == 2
    assert worker.started("e") == 20, "they were acknowledged when they began"
    assert {result.state for result in begun} == {"PENDING"}


def test_custom_states_are_seen(app: App, worker: Worker, server: Server) -> None:
    listener = server.client.pubsub()
    listener.psubscribe("celery-task-meta-*")
    result = send(app, "progress")
    assert result.get(timeout=10) == "end"
    states = []
    while "SUCCESS" not in states:
        message = listener.get_message(timeout=5)
        assert message is not None
        if message["type"] == "pmessage":
            states.append(json.loads(message["data"])["status"])
    listener.close()
    assert states == ["PROGRESS", "SUCCESS"]


def test_a_task_sends_tasks(app: App, worker: Worker) -> None:
    result = send(app, "parent", 4)
    assert app.AsyncResult(result.get(timeout=10)).get(timeout=10) == 5
    assert [child.id for child in result.children] == [result.get(timeout=10)]


def test_big_arguments_and_results(app: App, worker: Worker) -> None:
    size = 3_000_000
    assert send(app, "length", "x" * size).get(timeout=20) == size
    assert len(send(app, "big", size).get(timeout=20)) == size


@pytest.mark.parametrize(
    ("task", "runs", "letters"),
    [
        *[("poison", 3, 1), ("poison_redelivered", 3, 1), ("poison_twice", 2, 1)],
        *[("poison_failed", 1, 0), ("poison_early", 1, 0)],
    ],
)
def test_what_becomes_of_a_task_whose_child_dies(
    app: App, server: Server, worker: Worker, task: str, runs: int, letters: int
) -> None:
    """By `reject_on_worker_lost`: None, True: again, up to `max_deliveries`; False: it fails at once."""
    result = send(app, task, "p", link_error=app.signature("canvas.failed_how"))
    others = [send(app, "late_add", n, 1) for n in range(50)]
    assert [other.get(timeout=10) for other in others] == [n + 1 for n in range(50)]
    times = f", {runs} times" if runs > 1 else ""
    with pytest.raises(WorkerLostError, match=f"^its process died: signal 9{times}$"):
        result.get(timeout=10)
    assert worker.started("p") == runs
    entries = [json.loads(entry) for entry in server.client.lrange("runtime.dead.celery", 0, -1)]
    assert [(entry["id"], entry["deliveries"]) for entry in entries] == [(result.id, runs)] * letters
    wait_until(lambda: worker.effects().count(f"failed {result.id} WorkerLostError True") == 1, 5)
    wait_until(lambda: nothing_left(server), 5)


def test_whoever_stores_an_end_writes_it_as_results_are_read(server: Server, tmp_path: Path) -> None:
    pickles = {"result_serializer": "pickle", "accept_content": ["json", "pickle"]}
    app = App("client", broker=server.url(), backend=server.url(), set_as_current=False, **pickles)
    tests = "tests.support.app"
    with Worker(server.url(), tmp_path, env={"SETTINGS": json.dumps(pickles)}) as worker:
        fail, add = app.signature(f"{tests}.fail", ("wrong",)), app.signature(f"{tests}.add", (1,))
        same = app.signature("canvas.same")
        ends: dict[str, tuple[AsyncResult, type[BaseException]]] = {
            "never run": (send(app, "add", 1, 1, expires=0.001), TaskRevokedError),
            "unknown": (send(app, "no_such_task"), NotRegistered),
            "killed": (send(app, "poison_failed", "p"), WorkerLostError),
            "step of a chain": ((fail | add | add).delay(), ValueError),
            "body of a chord": (chord([fail, fail], same).delay(), ChordError),
            "cannot be shown": (send(app, "odd_failure", "odd", "repr leaves"), TaskError),
            "revoked": (send(app, "mark", "m", 60), TaskRevokedError),
        }
        wait_until(lambda: worker.started("m") == 1)
        ends["revoked"][0].revoke(terminate=True)
        for result, error in ends.values():
            with pytest.raises(error):
                result.get(timeout=10)
    app.close()


def test_without_a_bound_a_task_runs_again_until_it_lives(app: App, server: Server, worker: Worker) -> None:
    assert send(app, "poison_until", "p", 6).get(timeout=20) == "p"
    assert worker.started("p") == 6
    assert not server.client.exists("runtime.dead.celery")


def test_what_would_have_followed_a_task_that_is_not_run_ends_with_it(app: App, worker: Worker) -> None:
    """Or who waits for the end of the chain waits for ever."""
    first = app.signature("tests.support.app.add", (1, 1), expires=0.001)
    with pytest.raises(TaskRevokedError, match="expired"):
        (first | app.signature("tests.support.app.add", (1,))).delay().get(timeout=10)
    running = app.signature("tests.support.app.mark", ("m", 60)) | app.signature(
        "tests.support.app.add", (1,)
    )
    end = running.delay()
    wait_until(lambda: worker.started("m") == 1)
    end.parent.revoke(terminate=True)
    with pytest.raises(TaskRevokedError, match="terminated"):
        end.get(timeout=10)
