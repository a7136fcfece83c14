"""Queues, exchanges and bindings: who consumes what, and who is reached, whoever sends and whoever runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from celery import Celery
from kombu import Exchange

import runtime
from brokers.queue import Queue
from brokers.registry import open_publisher
from tests.support.celery_worker import CeleryWorker
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

ZOO = {"exchange": "zoo", "exchange_type": "topic"}
QUEUES = {
    "cats": {**ZOO, "routing_key": "animal.cat.#"},
    "animals": {**ZOO, "routing_key": "animal.#"},
    "left": {"exchange": "sides", "routing_key": "k"},
    "right": {"exchange": "sides", "routing_key": "k"},
}
ZOO_EXCHANGE = cast(Any, Exchange)("zoo", type="topic")
SETTINGS = json.dumps({"task_queues": QUEUES})
OURS, THEIRS = "tests.support.app", "tests.support.celery_project"
WAYS = {
    "ours → ours": (runtime.App, OURS, Worker),
    "celery → ours": (Celery, OURS, Worker),
    "ours → celery": (runtime.App, THEIRS, CeleryWorker),
    "celery → its app in ours": (Celery, THEIRS, Worker),
}


class Way:
    """A client that knows no queue, and a worker that consumes QUEUES."""

    def __init__(self, client: Any, app: str, server: Server, effects: Path) -> None:
        self.client = client
        self.app = app
        self.server = server
        self._effects = effects

    def mark(self, name: str, **options: Any) -> Any:
        """A signature of a task that notes this name."""
        task = "mark" if self.app == OURS else "late"
        return self.client.signature(f"{self.app}.{task}", (name, 0.0), immutable=True, **options)

    def send(self, signature: Any, **options: Any) -> None:
        if isinstance(self.client, Celery):  # it takes an exchange that it does not know for a direct one
            options["declare"] = [ZOO_EXCHANGE]
        signature.apply_async(**options)

    def noted(self, line: str) -> int:
        return self._effects.read_text().splitlines().count(line)

    def ran(self, name: str) -> int:
        return self.noted(f"end {name}")


@pytest.fixture(scope="module", params=WAYS)
def way(
    request: pytest.FixtureRequest, shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    kind, app, worker = WAYS[request.param]
    shared_server.client.flushall()
    url, directory = shared_server.url(), tmp_path_factory.mktemp("queues")
    env = {"SETTINGS": SETTINGS, "CELERY_SETTINGS": SETTINGS, "CELERY_URL": url}
    with pytest.MonkeyPatch.context() as patch, worker(url, directory, app=app, **_env(patch, worker, env)):
        client = kind("client", broker=url, set_as_current=False)
        wait_until(lambda: len(bound(shared_server)) == 4)
        yield Way(client, app, shared_server, directory / "effects")
        client.close()


def _env(patch: pytest.MonkeyPatch, worker: type, env: dict[str, str]) -> dict[str, Any]:
    if worker is Worker:
        return {"env": env}
    for name, value in env.items():
        patch.setenv(name, value)
    return {}


def bound(server: Server) -> set[bytes]:
    return server.client.sunion("_kombu.binding.zoo", "_kombu.binding.sides")  # type: ignore[no-any-return]


def test_a_message_goes_to_every_queue_that_is_bound_so(way: Way) -> None:
    way.send(way.mark("tom"), exchange="zoo", routing_key="animal.cat.tom")
    way.send(way.mark("rex"), exchange="zoo", routing_key="animal.dog")
    way.send(way.mark("both"), exchange="sides", routing_key="k")
    way.send(way.mark("one"), queue="left")
    wait_until(lambda: [way.ran(name) for name in ("tom", "rex", "both", "one")] == [2, 1, 2, 1])
    wait_until(lambda: not way.server.client.hlen("unacked"))
    assert not any(way.server.client.llen(queue) for queue in (*QUEUES, "celery", "animal.dog", "k"))


def test_so_does_what_follows_a_task(way: Way) -> None:
    linked = way.mark("linked").set(exchange="sides", routing_key="k")
    way.send(way.mark("first"), queue="left", link=linked)
    wait_until(lambda: (way.ran("first"), way.ran("linked")) == (1, 2))
    wait_until(lambda: not way.server.client.hlen("unacked"))


def test_a_retry_goes_back_to_the_queue_that_it_came_from(way: Way) -> None:
    """In our worker; Celery's sends it to the exchange again, and so to all queues."""
    if way.app == OURS:
        flaky = way.client.signature(f"{OURS}.flaky", ("again", 2))
        way.send(flaky, exchange="sides", routing_key="k")
        wait_until(lambda: [way.noted(f"try again {n}") for n in range(3)] == [2, 2, 2])
        wait_until(lambda: not way.server.client.hlen("unacked"))


def test_queues_of_others_are_found_by_their_bindings(way: Way) -> None:
    if isinstance(way.client, runtime.App):
        publisher = open_publisher(way.server.url())
        for name in ("theirs", "theirs too"):
            publisher.declare(Queue(name, "elsewhere", "topic", "a.*"))
        publisher.close()
        away = way.mark("away").set(exchange="elsewhere", routing_key="a.b")
        way.send(away)
        way.client.send_many([away, away])
        if way.app == OURS:
            way.send(way.mark("before"), queue="left", link=away)
        count = 4 if way.app == OURS else 3
        wait_until(lambda: [way.server.client.llen(name) for name in ("theirs", "theirs too")] == [count] * 2)
        with pytest.raises(ValueError, match="no queue is bound to exchange 'elsewhere'"):
            way.send(way.mark("nowhere"), exchange="elsewhere", routing_key="a")
