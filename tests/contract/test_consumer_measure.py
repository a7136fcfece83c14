"""What a Consumer tells of what waits (`Consumer.measure`, `look`), and from where it takes (`consume`)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from brokers.interface import Backlog, Held
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
from tests.support.consumers import Driven
from tests.support.servers import Server


@pytest.fixture
def driven(server: Server) -> Iterator[Driven]:
    with Driven(RedisConsumer(parse(server.url()), ["a", "b"], node="w@test")) as driven:
        yield driven


def test_the_priorities_of_a_queue_are_summed(server: Server, driven: Driven) -> None:
    assert driven.measure() == Backlog({"a": 0, "b": 0}, 0)
    server.client.lpush("a", *"123")
    server.client.lpush("a\x06\x163", *"12")
    server.client.lpush("a\x06\x169", "1")
    server.client.lpush("b", "1")
    assert driven.measure() == Backlog({"a": 6, "b": 1}, 0)
    driven.take(2)
    assert driven.measure() == Backlog({"a": 4, "b": 1}, 0)


def test_what_is_held_counts_until_it_comes_back(server: Server, driven: Driven) -> None:
    server.client.lpush("a", *"12")
    first, second = driven.take()
    driven.hold((first.tag, time.time() + 3600), (second.tag, time.time() - 1))
    assert driven.measure().held == 2
    driven.take()
    assert driven.measure().held == 1


def test_what_is_held_can_be_looked_at(server: Server, driven: Driven) -> None:
    assert driven.look() == []
    server.client.lpush("a", *"12")
    server.client.lpush("b", "3")
    due = time.time() + 3600
    tags = {delivery.message: delivery.tag for delivery in driven.take()}
    driven.hold((tags[b"1"], due + 1), (tags[b"2"], due), (tags[b"3"], due + 2.5))
    assert driven.look() == [Held(due, "a", b"2"), Held(due + 1, "a", b"1"), Held(due + 2.5, "b", b"3")]
    assert driven.look(2) == driven.look()[:2]
    assert driven.measure().held == 3


def test_only_a_few_megabytes_of_them_are_shown(server: Server, driven: Driven) -> None:
    server.client.lpush("a", *(bytes(1_500_000) for _ in range(5)))
    due = time.time() + 3600
    driven.hold(*((delivery.tag, due) for delivery in driven.take()))
    assert len(driven.look()) == 3


def test_it_takes_from_other_queues_when_told(server: Server, driven: Driven) -> None:
    driven.take()
    driven.consumer.consume(["b", "c"])
    server.client.lpush("a", "1")
    server.client.lpush("c", "2")
    assert [delivery.queue for delivery in driven.take()] == ["c"]
    assert driven.measure() == Backlog({"b": 0, "c": 0}, 0)
    awakened = driven.awakened
    server.client.lpush("c", "3")
    driven.until(lambda: driven.awakened > awakened)
    record = f"runtime.worker.{driven.consumer.incarnation}"
    driven.until(lambda: server.client.hget(record, "queues") == b"b,c")


def test_without_a_queue_it_still_gives_what_was_held(server: Server, driven: Driven) -> None:
    server.client.lpush("a", "1")
    driven.hold((driven.take()[0].tag, time.time() - 1))
    driven.consumer.consume([])
    assert [delivery.message for delivery in driven.take()] == [b"1"]


def test_the_next_connection_tells_of_the_queues_too(server: Server, driven: Driven) -> None:
    server.stop()
    driven.until(lambda: driven.problems)
    driven.consumer.consume(["c"])
    server.start()
    driven.until(lambda: driven.connected == 2)
    record = f"runtime.worker.{driven.consumer.incarnation}"
    assert server.client.hget(record, "queues") == b"c"


def test_a_key_that_is_no_list_holds_no_messages(server: Server, driven: Driven) -> None:
    server.client.set("a", "no list")
    server.client.lpush("b", "1")
    assert driven.measure() == Backlog({"a": 0, "b": 1}, 0)


def test_it_works_while_the_server_is_out_of_memory(server: Server, driven: Driven) -> None:
    server.client.lpush("a", "1")
    server.client.config_set("maxmemory", "1")
    try:
        assert driven.measure().waiting["a"] == 1
    finally:
        server.client.config_set("maxmemory", "0")
    assert driven.problems == []


def test_without_a_connection_there_is_no_answer_and_none_is_owed(server: Server, driven: Driven) -> None:
    server.stop()
    driven.until(lambda: driven.problems)
    driven.consumer.measure()
    server.start()
    driven.until(lambda: driven.connected == 2)
    driven.take()
    assert driven.backlogs == []
    driven.measure()


def test_an_answer_that_is_lost_is_not_waited_for(server: Server, driven: Driven) -> None:
    server.pause()
    driven.consumer.measure()
    server.kill()
    server.start()
    driven.until(lambda: driven.connected == 2)
    driven.measure()
    assert len(driven.backlogs) == 1
