"""Our events beside those of Celery 5.7; and what Celery's receiver makes of ours."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from celery import Celery

import runtime
from brokers.redis.address import parse
from brokers.redis.mailbox import RedisMailbox
from runtime.events import message
from runtime.events.event import Origin
from runtime.remote.clock import Clock
from tests.support.mailboxes import DrivenMailbox
from tests.support.servers import Server

CHANGING = ("clock", "timestamp", "uuid", "root_id", "delivery_tag", "pid", "eta", "expires")


class Ear:
    """Hears what is published."""

    def __init__(self, server: Server) -> None:
        self._listener = server.client.pubsub()
        self._listener.psubscribe("*")
        self._listener.get_message(timeout=5)

    def next(self) -> tuple[str, dict[str, Any], Any]:
        """(channel, envelope, body), changing members by their types only."""
        heard = self._listener.get_message(timeout=5)
        enveloped = json.loads(heard["data"])
        body = json.loads(b64decode(enveloped.pop("body")))
        return heard["channel"].decode(), shape(enveloped), shape(body)

    def close(self) -> None:
        self._listener.close()


def shape(value: Any) -> Any:
    if isinstance(value, list):
        return [shape(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: type(each).__name__ if name in CHANGING else shape(each) for name, each in value.items()}


def test_worker_events_and_batches_of_task_events_are_celerys(server: Server, peer: Celery) -> None:
    ear = Ear(server)
    with peer.connection_for_write() as connection:
        theirs = peer.events.Dispatcher(connection, hostname="w@h", buffer_group=["task"])
        theirs.send("worker-online", freq=2.0, active=0)
        for uuid in ("1", "2"):
            theirs.send("task-started", uuid=uuid)
        theirs.flush()
    origin = Origin("w@h", Clock())
    with DrivenMailbox(RedisMailbox(parse(server.url()), ())) as ours:
        online = origin.event("worker-online", 1.5, {"freq": 2.0, "active": 0})
        ours.mailbox.broadcast(
            "celeryev", "worker.online", message.write(online, "celeryev", "worker.online")
        )
        started = [origin.event("task-started", 1.5, {"uuid": uuid}) for uuid in ("1", "2")]
        ours.mailbox.broadcast("celeryev", "task.multi", message.write(started, "celeryev", "task.multi"))
        ours.turn()
    expected = [ear.next(), ear.next()]
    assert [ear.next(), ear.next()] == expected
    ear.close()


def test_task_sent_is_celerys(server: Server, peer: Celery, app: runtime.App) -> None:
    ear = Ear(server)
    peer.conf.task_send_sent_event = app.conf.task_send_sent_event = True
    for args, kwargs, options in (
        ((1, "a"), {"x": 2}, {}),
        (
            (),
            {},
            {"queue": "q", "countdown": 5, "expires": 60, "task_id": "7", "parent_id": "p", "retries": 2},
        ),
    ):
        peer.send_task("t.add", args, kwargs, **options)
        app.send_task("t.add", args, kwargs, **options)
        assert ear.next() == ear.next()
    results = app.send_many([("t.add", (1,), {}), ("t.add", (2,), {})])
    assert [ear.next()[2]["args"], ear.next()[2]["args"]] == ["(1,)", "(2,)"]
    assert len(results) == 2
    ear.close()
