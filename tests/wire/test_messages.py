"""Our task messages beside those that Celery 5.7 makes of the same calls."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery

import runtime
from brokers import envelope
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import read, read_body
from tests.support.servers import Server

ALWAYS_DIFFERENT = {"id", "root_id", "correlation_id", "delivery_tag", "reply_to", "body", "eta", "expires"}
LISTS = ("celery", "q", "celery\x06\x163", "celery\x06\x166", "celery\x06\x169")

CALLS: dict[str, dict[str, Any]] = {
    "plain": {"args": (1,)},
    "keywords": {"kwargs": {"x": 1, "y": "é"}},
    "countdown": {"args": (1,), "countdown": 10},
    "eta": {"args": (1,), "eta": datetime(2030, 1, 1, tzinfo=UTC)},
    "expires": {"args": (1,), "expires": 60},
    "expired": {"args": (1,), "expires": datetime.now(UTC) - timedelta(days=1)},
    "queue": {"args": (1,), "queue": "q"},
    "priority": {"args": (1,), "priority": 5},
    "limits": {"args": (1,), "time_limit": 9, "soft_time_limit": 8.5},
    "headers": {"args": (1,), "headers": {"own": {"a": [1]}}},
    "ids": {"args": (1,), "task_id": "seven", "root_id": "r", "parent_id": "p"},
    "group": {"args": (1,), "group_id": "g", "group_index": 2, "retries": 1, "shadow": "s"},
    "ignored": {"args": (1,), "ignore_result": True},
    "serializer": {"args": (1,), "serializer": "yaml"},
    "compression": {"args": (1,), "compression": "gzip"},
    "stamps": {"args": (1,), "stamped_headers": ["tenant"], "tenant": 4},
    "typed": {"args": (datetime(2030, 1, 1, tzinfo=UTC),), "kwargs": {"y": [b"raw", 2**70]}},
    "property": {"args": (1,), "app_id": "a"},
}

DECLARED: dict[str, dict[str, Any]] = {"limits": {"time_limit": 30}, "queue": {"ignore_result": True}}
"""What the task itself declares in some of them."""


def pop(server: Server) -> dict[str, Any]:
    """The only message on the server, its list beside it."""
    filled = [name for name in LISTS if server.client.llen(name)]
    assert len(filled) == 1
    fields: dict[str, Any] = json.loads(server.client.rpop(filled[0]))
    return {**fields, "list": filled[0]}


def shape(value: Any) -> Any:
    """Values are replaced by their types where they differ from message to message."""
    if not isinstance(value, dict):
        return value
    return {
        name: type(member).__name__ if name in ALWAYS_DIFFERENT else shape(member)
        for name, member in value.items()
    }


def body(message: dict[str, Any]) -> Any:
    return read_body(envelope.parse(json.dumps(message).encode()), accepted_types(["json", "yaml"]))


def add(x: Any, y: Any = 2) -> None: ...


@pytest.mark.parametrize("name", CALLS)
def test_the_same_call_makes_the_same_message(
    name: str, server: Server, app: runtime.App, peer: Celery
) -> None:
    options = DECLARED.get(name, {})
    peer.task(name="t.add", **options)(add).apply_async(**CALLS[name])
    theirs = pop(server)
    app.task(name="t.add", **options)(add).apply_async(**CALLS[name])
    ours = pop(server)
    if "expiration" in theirs["properties"]:
        both = [int(message["properties"].pop("expiration")) for message in (ours, theirs)]
        assert both[0] == pytest.approx(both[1], abs=500)
    assert shape(ours) == shape(theirs)
    assert body(ours) == body(theirs)
    for moment in ("eta", "expires"):
        _assert_close(ours["headers"][moment], theirs["headers"][moment])


def _assert_close(ours: str | None, theirs: str | None) -> None:
    if ours is None or theirs is None:
        assert ours is theirs
        return
    difference = datetime.fromisoformat(ours) - datetime.fromisoformat(theirs)
    assert abs(difference) < timedelta(seconds=1)


def test_send_task_makes_the_same_message(server: Server, app: runtime.App, peer: Celery) -> None:
    peer.send_task("t.unknown", (1,), {"y": 2})
    theirs = pop(server)
    app.send_task("t.unknown", (1,), {"y": 2})
    assert shape(pop(server)) == shape(theirs)


def test_links_are_the_same(server: Server, app: runtime.App, peer: Celery) -> None:
    bodies = []
    for each in (peer, app):
        task = each.task(name="t.add")(add)
        task.apply_async((1,), link=task.s(5), link_error=[task.si(6).set(queue="q")])
        bodies.append(body(pop(server)))
    assert bodies[0] == bodies[1]


def test_queues_are_bound_in_the_same_way(server: Server, app: runtime.App, peer: Celery) -> None:
    found = []
    for each in (peer, app):
        server.client.flushall()
        # Celery binds a queue once per process: a name that no other test uses.
        each.send_task("t.add", queue="bound")
        found.append({key: server.client.smembers(key) for key in server.client.scan_iter("_kombu*")})
    assert found[0] == found[1]


def test_what_celery_sends_is_read(server: Server, peer: Celery) -> None:
    sent = peer.task(name="t.add")(add).apply_async(
        (1,), {"y": 2}, countdown=10, expires=60, priority=5, time_limit=9, headers={"own": 1}
    )
    found = envelope.parse(server.client.rpop("celery\x06\x163"))
    message = read(found)
    assert (message.id, message.name, message.priority, message.time_limit) == (sent.id, "t.add", 5, 9)
    assert message.custom_headers == {"own": 1}
    assert message.expires is not None
    assert message.eta is not None
    assert message.expires - message.eta == pytest.approx(50, abs=1)
    assert read_body(found, accepted_types(["json"]))[:2] == ([1], {"y": 2})


def test_a_chain_of_celerys_is_read(server: Server, peer: Celery) -> None:
    task = peer.task(name="t.add")(add)
    result = (task.s(1) | task.s(2) | task.s(3)).delay()
    _, _, embed = read_body(envelope.parse(server.client.rpop("celery")), accepted_types(["json"]))
    assert [step["args"] for step in embed["chain"]] == [[3], [2]]
    assert embed["chain"][0]["options"]["task_id"] == result.id


def test_many_are_sent_in_order(server: Server, app: runtime.App) -> None:
    task = app.task(name="t.add")(add)
    results = app.send_many([(task, (1,), {}), ("t.other", (2,), {"a": 3}), task.s(4).set(task_id="seven")])
    messages = [json.loads(server.client.rpop("celery")) for _ in range(3)]
    assert [message["headers"]["id"] for message in messages] == [result.id for result in results]
    assert [json.loads(b64decode(message["body"]))[:2] for message in messages] == [
        [[1], {}],
        [[2], {"a": 3}],
        [[4], {}],
    ]
    assert results[2].id == "seven"
    with pytest.raises(TypeError):
        app.send_many([(task, (1,), {}), (task, (), {})])
    assert server.client.llen("celery") == 0
