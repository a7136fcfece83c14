"""Exchanges and bindings: who is reached, whoever sends and whoever runs. The clients know of no queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from kombu import Exchange

from brokers.queue import Queue
from brokers.registry import open_publisher
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.ways import THEIRS, WAYS, Way, running
from tests.support.zoo import QUEUES

ZOO = cast(Any, Exchange)("zoo", type="topic")
OUR_WORKER = ["ours → ours", "celery → ours"]
OUR_CLIENT = ["ours → ours", "ours → celery"]


@pytest.fixture(scope="module", params=WAYS)
def way(
    request: pytest.FixtureRequest, shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    apps = ("tests.support.zoo_app", "tests.support.zoo_celery_app", "tests.support.app")
    with running(request.param, shared_server, tmp_path_factory.mktemp("queues"), *apps) as way:
        wait_until(lambda: len(bound(way)) == len(QUEUES))
        yield way


def bound(way: Way) -> Any:
    return way.server.client.sunion("_kombu.binding.zoo", "_kombu.binding.sides")


def mark(way: Way, name: str, **options: Any) -> Any:
    """A task that notes this name."""
    return way.s("mark", name, immutable=True, **options)


def send(way: Way, signature: Any, **options: Any) -> None:
    if way.api is THEIRS:  # it takes an exchange that it does not know for a direct one
        options["declare"] = [ZOO]
    signature.apply_async(**options)


def ran(way: Way, *names: str) -> list[int]:
    return [way.noted().count(f"end {name}") for name in names]


def test_a_message_goes_to_every_queue_that_is_bound_so(way: Way) -> None:
    send(way, mark(way, "tom"), exchange="zoo", routing_key="animal.cat.tom")
    send(way, mark(way, "rex"), exchange="zoo", routing_key="animal.dog")
    send(way, mark(way, "both"), exchange="sides", routing_key="k")
    send(way, mark(way, "one"), queue="left")
    wait_until(lambda: ran(way, "tom", "rex", "both", "one") == [2, 1, 2, 1])
    wait_until(lambda: not way.server.client.hlen("unacked"))
    assert not any(way.server.client.llen(queue) for queue in (*QUEUES, "celery", "animal.dog", "k"))


def test_so_does_what_follows_a_task(way: Way) -> None:
    linked = mark(way, "linked").set(exchange="sides", routing_key="k")
    send(way, mark(way, "first"), queue="left", link=linked)
    wait_until(lambda: ran(way, "first", "linked") == [1, 2])
    wait_until(lambda: not way.server.client.hlen("unacked"))


@pytest.mark.parametrize("way", OUR_WORKER, indirect=True)
def test_a_retry_goes_back_to_the_queue_that_it_came_from(way: Way) -> None:
    """Celery's worker sends it to the exchange again, and so to all queues."""
    send(way, way.s("flaky", "again", 2), exchange="sides", routing_key="k")
    wait_until(lambda: [way.noted().count(f"try again {n}") for n in range(3)] == [2, 2, 2])
    wait_until(lambda: not way.server.client.hlen("unacked"))


@pytest.mark.parametrize("way", OUR_CLIENT, indirect=True)
def test_queues_of_others_are_found_by_their_bindings(way: Way) -> None:
    theirs = ("theirs", "theirs too")
    publisher = open_publisher(way.server.url())
    for name in theirs:
        publisher.declare(Queue(name, "elsewhere", "topic", "a.*"))
    publisher.close()
    away = mark(way, "away").set(exchange="elsewhere", routing_key="a.b")
    send(way, away)
    way.app.send_many([away, away])
    assert [way.server.client.llen(name) for name in theirs] == [3, 3]
    with pytest.raises(ValueError, match="no queue is bound to exchange 'elsewhere'"):
        send(way, mark(way, "nowhere"), exchange="elsewhere", routing_key="a")
    if way.worker == "ours":  # Celery's takes it for a direct exchange
        send(way, mark(way, "before"), queue="left", link=away)
        wait_until(lambda: [way.server.client.llen(name) for name in theirs] == [4, 4])
