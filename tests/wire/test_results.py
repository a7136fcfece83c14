"""Celery 5.7 reads the results that we store, and we those that it stores."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import celery.exceptions
import pytest
from billiard.exceptions import TimeLimitExceeded
from celery import Celery

import runtime
from runtime import errors
from runtime.results import document, states
from runtime.results.document import About
from tests.support.servers import Server

# Celery's own use of redis-py, whose SETEX is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")

VALUES: list[Any] = [
    None,
    10,
    "é",
    [1, {"a": None}],
    datetime(2030, 1, 1, tzinfo=UTC),
    UUID(int=7),
    [b"raw", b"\xff"],
    2**70,
]

Store = Callable[..., None]


@pytest.fixture
def store(server: Server) -> Store:
    """Puts one of our documents where a worker would."""

    def put(state: str, result: Any, **more: Any) -> None:
        encoded = document.encode(state, result, message=About("7"), **more)
        server.client.set("celery-task-meta-7", encoded)
        server.client.publish("celery-task-meta-7", encoded)

    return put


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_travel_both_ways(value: Any, store: Store, app: runtime.App, peer: Celery) -> None:
    store(states.SUCCESS, value)
    theirs = peer.AsyncResult("7")
    assert theirs.get(timeout=5) == value
    assert (theirs.state, theirs.children) == ("SUCCESS", [])
    assert theirs.date_done.tzinfo is not None

    peer.backend.store_result("8", value, "SUCCESS")
    ours = app.AsyncResult("8")
    assert ours.get(timeout=5) == value
    assert (ours.state, ours.successful(), ours.ready(), ours.failed()) == ("SUCCESS", True, True, False)
    assert ours.date_done is not None


@pytest.mark.parametrize(
    ("error", "theirs"),
    [
        (ValueError("wrong", 7), ValueError),
        (errors.NotRegistered("t.add"), celery.exceptions.NotRegistered),
        (errors.MaxRetriesExceededError("often"), celery.exceptions.MaxRetriesExceededError),
        (errors.Reject("no", False), celery.exceptions.Reject),
        (TimeLimitExceeded(5), TimeLimitExceeded),
    ],
    ids=repr,
)
def test_failures_reach_celery(error: Exception, theirs: type[Exception], store: Store, peer: Celery) -> None:
    store(states.FAILURE, error, traceback="Traceback (most recent call last):\n…")
    result = peer.AsyncResult("7")
    with pytest.raises(theirs) as caught:
        result.get(timeout=5)
    assert caught.value.args == error.args
    assert result.traceback.startswith("Traceback")


def test_a_revoked_task_reaches_celery(store: Store, peer: Celery) -> None:
    store(states.REVOKED, errors.TaskRevokedError("expired"))
    with pytest.raises(celery.exceptions.TaskRevokedError, match="expired"):
        peer.AsyncResult("7").get(timeout=5)


def test_failures_of_celerys_come_back_as_ours(app: runtime.App, peer: Celery) -> None:
    peer.backend.store_result("8", ValueError("wrong", 7), "FAILURE", traceback="Traceback: there")
    result = app.AsyncResult("8")
    with pytest.raises(ValueError, match="wrong") as caught:
        result.get(timeout=5)
    assert caught.value.args == ("wrong", 7)
    assert "Traceback: there" in caught.value.__notes__[0]
    assert result.get(propagate=False) is caught.value
    assert (result.failed(), result.traceback) == (True, "Traceback: there")

    peer.backend.store_result("9", celery.exceptions.TaskRevokedError("revoked"), "REVOKED")
    with pytest.raises(errors.TaskRevokedError, match="revoked"):
        app.AsyncResult("9").get(timeout=5)


def test_the_members_are_celerys(app: runtime.App, peer: Celery, server: Server, store: Store) -> None:
    store(states.FAILURE, ValueError("x"))
    peer.backend.store_result("8", ValueError("x"), "FAILURE")
    ours, theirs = (json.loads(server.client.get(f"celery-task-meta-{number}")) for number in (7, 8))
    assert ours.keys() == theirs.keys()
    assert (ours["children"], theirs["children"]) == ([], None), "null only when stored outside a task"
    same = {"status", "result", "traceback"}
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}


def test_waiting_ends_with_the_final_state(store: Store, app: runtime.App) -> None:
    store("PROGRESS", {"done": 1})
    result = app.AsyncResult("7")
    assert (result.state, result.info, result.ready()) == ("PROGRESS", {"done": 1}, False)
    with pytest.raises(runtime.TimeoutError, match="no result of task 7 within 0"):
        result.get(timeout=0.2)
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(result.get(timeout=20)))
    waiting.start()
    store("PROGRESS", {"done": 2})
    store(states.SUCCESS, "end")
    waiting.join(20)
    assert found == ["end"]


def test_pending_and_forgotten(store: Store, app: runtime.App, server: Server) -> None:
    result = app.AsyncResult("7")
    assert (result.state, result.result, result.ready()) == ("PENDING", None, False)
    store(states.SUCCESS, 1)
    assert result.get(timeout=5) == 1
    result.forget()
    assert server.client.keys("*") == []
    assert result.state == "PENDING"


def test_children_are_references(store: Store, app: runtime.App, peer: Celery) -> None:
    store(states.SUCCESS, app.AsyncResult("9"), children=[app.AsyncResult("8").as_tuple()])
    assert [child.id for child in peer.AsyncResult("7").children] == ["8"]
    assert [child.id for child in app.AsyncResult("7").children] == ["8"]
    assert app.AsyncResult("7").get() == [["9", None], None]
    group = [["g", None], [[["a", None], None], [["b", None], None]]]
    store(states.SUCCESS, 1, children=[group])
    [found] = app.AsyncResult("7").children
    assert (found.id, [child.id for child in found.children]) == ("g", ["a", "b"])


def test_update_state_is_seen_by_celery(app: runtime.App, peer: Celery, server: Server) -> None:
    @app.task(bind=True)
    def step(self: runtime.Task) -> None:
        self.update_state("7", state="PROGRESS", meta={"done": 1})

    step()
    assert (peer.AsyncResult("7").state, peer.AsyncResult("7").info) == ("PROGRESS", {"done": 1})
    assert 86300 < server.client.ttl("celery-task-meta-7") <= 86400
    with pytest.raises(ValueError, match="needs a state"):
        step.update_state("7")


def test_compressed_results_of_celerys_are_read(app: runtime.App, peer: Celery) -> None:
    peer.conf.result_compression = "gzip"
    peer.backend.store_result("8", "x" * 100, "SUCCESS")
    assert app.AsyncResult("8").get(timeout=5) == "x" * 100


def test_what_a_running_task_sends_is_its_child(app: runtime.App, server: Server) -> None:
    from brokers import envelope
    from runtime.execution import current
    from runtime.protocol.task_message import build, read

    @app.task
    def parent() -> str:
        first = parent.delay()
        app.send_many([("t.other", (), {}), parent.s()])
        return first.id

    app.conf.task_inherit_parent_priority = True
    push = build(parent.name, (), {}, id="7", queue="celery", root_id="r", priority=1)
    request = runtime.Request.from_message(read(envelope.parse(push.message)), [], {}, {}, hostname="w@host")
    token = current.push(parent, request)
    first = parent.run()
    current.pop(token)
    sent = [read(envelope.parse(server.client.rpop("celery"))) for _ in range(3)]
    assert [(message.root_id, message.parent_id, message.priority) for message in sent] == [("r", "7", 1)] * 3
    assert [child.id for child in request.children] == [message.id for message in sent]
    assert request.children[0].id == first
