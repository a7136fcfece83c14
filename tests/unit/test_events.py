"""Events as messages, and what they tell put together."""

from __future__ import annotations

import time
from typing import Any

import pytest

from brokers import envelope
from brokers.envelope import MalformedMessage
from runtime.events import cluster, message
from runtime.events.cluster import Cluster
from runtime.events.event import Origin
from runtime.remote.clock import Clock


def enveloped(body: bytes, content_type: str = "application/json") -> bytes:
    return envelope.build(body, {}, {}, content_type)


def test_what_is_written_is_read() -> None:
    origin = Origin("w@h", Clock())
    events = [origin.event("task-started", 1.5, {"uuid": str(n)}) for n in range(3)]
    assert message.read(message.write(events, "celeryev", message.TASKS)) == events
    assert message.read(message.write(events[0], "celeryev", "task.started")) == events[:1]
    assert [event["clock"] for event in events] == [1, 2, 3]


def test_text_that_is_no_text_does_not_stop_an_event() -> None:
    event = Origin("w@h", Clock()).event("task-received", 0.0, {"args": "\ud800"})
    assert message.read(message.write([event], "celeryev", message.TASKS)) == [event]


@pytest.mark.parametrize(
    "body", [b"1", b"null", b"[]", b'[1, {"type": "x"}, {"hostname": "y"}]', b'{"type": 1}']
)
def test_what_is_no_event_is_left_out(body: bytes) -> None:
    assert message.read(enveloped(body)) == []


@pytest.mark.parametrize(
    "wrong", [b"", b"{}", enveloped(b"no JSON"), enveloped(b"{}", "application/x-python-serialize")]
)
def test_what_is_no_message_is_refused(wrong: bytes) -> None:
    with pytest.raises(MalformedMessage):
        message.read(wrong)


def heed(
    cluster: Cluster, type: str, uuid: str = "1", at: float = 0.0, host: str = "w@h", **more: Any
) -> None:
    cluster.heed({"type": type, "hostname": host, "uuid": uuid, "timestamp": at, **more})


def test_a_task_is_followed_to_its_end() -> None:
    seen = Cluster()
    heed(seen, "task-sent", at=1, host="gen1@h", name="add", args="(1, 2)")
    assert (seen.tasks["1"].state, seen.tasks["1"].worker) == ("PENDING", "")
    heed(seen, "task-received", at=2, name="add", args="(1, 2)")
    heed(seen, "task-started", at=3)
    heed(seen, "task-succeeded", at=4, result="3", runtime=0.5)
    task = seen.tasks["1"]
    assert (task.name, task.args, task.state, task.worker) == ("add", "(1, 2)", "SUCCESS", "w@h")
    assert (task.outcome, task.runtime, seen.ends) == ("3", 0.5, {"SUCCESS": 1})


def test_what_comes_late_does_not_turn_a_task_back() -> None:
    seen = Cluster()
    heed(seen, "task-succeeded", at=4, result="3")
    heed(seen, "task-started", at=3)
    heed(seen, "task-sent", at=5, host="gen1@h", name="add")
    assert (seen.tasks["1"].state, seen.tasks["1"].name) == ("SUCCESS", "add")
    heed(seen, "task-failed", uuid="2", at=4, exception="Reject('no', False)")
    heed(seen, "task-rejected", uuid="2", at=4, requeue=False)
    assert (seen.tasks["2"].state, seen.tasks["2"].outcome) == ("FAILURE", "Reject('no', False)")


def test_no_more_than_so_many_tasks_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MOST_TASKS", 2)
    seen = Cluster()
    for uuid in "123":
        heed(seen, "task-received", uuid)
    assert list(seen.tasks) == ["2", "3"]


def test_a_worker_is_dead_after_two_missed_heartbeats_or_when_it_says_so() -> None:
    seen, now = Cluster(), time.time()
    heed(
        seen,
        "worker-heartbeat",
        freq=2.0,
        active=3,
        processed=10,
        loadavg=[1, 2, 3],
        sw_ident="x",
        sw_ver="1",
    )
    worker = seen.workers["w@h"]
    assert worker.is_alive(now + 3)
    assert not worker.is_alive(now + 5)
    assert (worker.active, worker.processed, worker.loadavg, worker.software) == (3, 10, (1, 2, 3), "x 1")
    heed(seen, "worker-offline")
    assert not worker.is_alive(now)


@pytest.mark.parametrize("odd", ["task-odd", "worker-odd", "odd"])
def test_unknown_events_and_odd_members_harm_nothing(odd: str) -> None:
    seen = Cluster()
    heed(seen, odd)
    seen.heed({"type": "task-received", "hostname": "w", "uuid": 7, "timestamp": "x"})
    seen.heed({"type": "worker-heartbeat", "hostname": "w", "freq": "x", "active": None, "loadavg": 1})
    heed(seen, "task-succeeded", runtime="x", retries=[], result=None)
    assert (len(seen.tasks), seen.workers["w"].freq) == (1, 2.0)
