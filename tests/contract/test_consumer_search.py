"""What a Consumer promises of `seek`: held messages are found by what stands in them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from brokers.envelope import build
from brokers.interface import Delivery, Settlement
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
from tests.support.consumers import Driven
from tests.support.servers import Server


@pytest.fixture
def driven(server: Server) -> Iterator[Driven]:
    with Driven(RedisConsumer(parse(server.url()), ["a"], node="w@test")) as driven:
        yield driven


END = "end"
"""The message that is due last: once it is found, a search is over."""


def message(name: str, size: int = 60) -> bytes:
    stamps = {"stamps": {f"of {name}": ["s"]}}
    return build(b"x" * size, {"task": "t", "id": name, **stamps}, {"delivery_info": {}})


def hold(
    server: Server, driven: Driven, *names: str, due: float | None = None, size: int = 60
) -> list[Delivery]:
    """Messages with these ids, due one after the other, or all then; and the one that is due last."""
    server.client.lpush("a", *(message(name, size) for name in (*names, END)))
    *taken, end = driven.take_all(len(names) + 1)
    soon = time.time() + 3600
    driven.hold(*((each.tag, due or soon + n) for n, each in enumerate(taken)), (end.tag, soon + 1e6))
    return [each._replace(held=True) for each in taken]


def held(server: Server, driven: Driven) -> list[str]:
    *tags, _ = server.client.zrange(f"runtime.eta.{driven.consumer.incarnation}", 0, -1)
    return [tag.decode() for tag in tags]


def seek(driven: Driven, *texts: str) -> list[Delivery]:
    """All that is found."""
    before = len(driven.sighted)
    driven.consumer.seek([*texts, END])
    driven.until(lambda: driven.sighted[before:] and f'"{END}"'.encode() in driven.sighted[-1].message)
    return driven.sighted[before:-1]


def test_one_is_found_stays_held_and_can_be_settled(server: Server, driven: Driven) -> None:
    first, second, third = hold(server, driven, "one", "two", "three")
    assert seek(driven, "two", "four") == [second]
    assert seek(driven, "of three", "one") == [first, third]
    assert held(server, driven) == [first.tag, second.tag, third.tag]
    assert seek(driven, "two") == [second]
    driven.settle(Settlement(second.tag))
    assert driven.fenced == []
    assert held(server, driven) == [first.tag, third.tag]
    assert seek(driven, "two") == []


def test_nothing_is_asked_of_the_server_when_nothing_was_ever_held(server: Server, driven: Driven) -> None:
    server.client.lpush("a", message("one"))
    driven.take()
    before = server.client.info("commandstats").get("cmdstat_zrange")
    driven.consumer.seek(["one"])
    driven.measure()
    assert server.client.info("commandstats").get("cmdstat_zrange") == before
    assert driven.sighted == []


@pytest.mark.parametrize("together", [False, True])
def test_many_are_looked_at_in_many_steps(server: Server, driven: Driven, together: bool) -> None:
    """Each due at a time of its own, or all at one."""
    due = time.time() + 3600 if together else None
    names = [f"m{number}" for number in range(1234)]
    messages = dict(zip(names, hold(server, driven, *names, due=due), strict=True))
    found = {delivery.tag: delivery for delivery in seek(driven, "m7", "m777", "m1233")}
    assert found == {messages[name].tag: messages[name] for name in ("m7", "m777", "m1233")}
    assert len(seek(driven, *names)) == 1234


def test_what_is_sought_meanwhile_is_found_too(server: Server, driven: Driven) -> None:
    names = [f"m{number}" for number in range(600)]
    messages = hold(server, driven, *names)
    driven.consumer.seek(["m599"])
    assert seek(driven, "m0") == [messages[599], messages[0]]


def test_a_text_that_json_writes_in_several_ways_is_found(server: Server, driven: Driven) -> None:
    plain, odd = hold(server, driven, "plain", 'h\u00e9 "said"')
    assert odd in seek(driven, 'h\u00e9 "said"')
    assert seek(driven, "plain") == [plain]


def test_large_messages_are_looked_at_a_few_at_a_time(server: Server, driven: Driven) -> None:
    first, *_, last = hold(server, driven, *"12345", size=700_000)
    assert seek(driven, "1", "5") == [first, last]


def test_a_break_begins_it_anew(server: Server, driven: Driven) -> None:
    names = [f"m{number}" for number in range(600)]
    *_, last = hold(server, driven, *names)
    driven.consumer.seek(["m599"])
    server.client.client_kill_filter(_type="normal", skipme=True)
    driven.until(lambda: driven.connected == 2 and driven.sighted)
    assert last in driven.sighted


def test_what_is_settled_while_a_take_brings_it_is_not_delivered(server: Server, driven: Driven) -> None:
    (sought,) = hold(server, driven, "one")
    driven.consumer.seek(["one"])
    driven.until(lambda: driven.sighted)
    server.client.zadd(f"runtime.eta.{driven.consumer.incarnation}", {sought.tag: 0})
    before = len(driven.deliveries)
    driven.consumer.take(10)
    driven.settle(Settlement(sought.tag))
    driven.until(lambda: driven.taken == 2)
    assert driven.deliveries[before:] == []
    assert driven.fenced == []
    assert held(server, driven) == []
    assert server.client.hlen("unacked") == 1
