"""What DeadLetters promises, over every server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from brokers.dead_letter import DEFAULT_RETENTION, DeadLetter, Retention, encode
from brokers.envelope import build, redelivered
from brokers.interface import BrokerRefused, DeadLetters, Settlement
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
from brokers.registry import open_dead_letters, queues_with_dead_letters
from tests.support.consumers import Driven
from tests.support.servers import Server

LIST = "p:runtime.dead.a"
OPTIONS = {"global_keyprefix": "p:"}
DAY = 86400.0


def opened(server: Server, retention: Retention = DEFAULT_RETENTION) -> DeadLetters:
    return open_dead_letters(server.url(), OPTIONS, queue="a", retention=retention)


@pytest.fixture
def letters(server: Server) -> Iterator[DeadLetters]:
    letters = opened(server)
    yield letters
    letters.close()


def message_of(name: str, priority: int = 0) -> bytes:
    return build(b"[[], {}, {}]", {"task": "t", "id": name}, {"priority": priority, "delivery_info": {}})


def bury(server: Server, message: bytes, name: str | None = None, age: float = 0) -> None:
    entry = encode(message, time.time() - age, reason="why", node="w@test", task="t", task_id=name)
    server.client.lpush(LIST, entry)


def ids(letters: DeadLetters) -> list[str]:
    return [letter.id for letter in letters.letters()]


def by_id(letters: DeadLetters, name: str) -> DeadLetter:
    return next(letter for letter in letters.letters() if letter.id == name)


def test_which_queues_have_any(server: Server) -> None:
    """In any database that also has other keys, and a prefix that looks like a pattern."""
    for prefix in ("*[a]?", "*[b]?", ""):
        assert queues_with_dead_letters(server.url(), {"global_keyprefix": prefix}) == []
        server.client.lpush(f"{prefix}runtime.dead.b", "")
        server.client.lpush(f"{prefix}runtime.dead.a*", "")
        server.client.set(f"{prefix}runtime.dead.none", "")
        server.client.mset({f"{prefix}{number}": "" for number in range(2500)})
    for prefix in ("*[a]?", "*[b]?", ""):
        assert queues_with_dead_letters(server.url(), {"global_keyprefix": prefix}) == ["a*", "b"]


def test_a_queue_without_any(server: Server, letters: DeadLetters) -> None:
    assert ids(letters) == []


@pytest.mark.parametrize("count", [1, 100, 250])
def test_letters_come_oldest_first(server: Server, letters: DeadLetters, count: int) -> None:
    for number in range(count):
        bury(server, b"m", str(number))
    assert ids(letters) == [str(number) for number in range(count)]


@pytest.mark.parametrize("message", [b"\xff\x00", b"", b"not json", message_of("1")])
def test_a_retried_message_has_its_very_bytes(server: Server, letters: DeadLetters, message: bytes) -> None:
    bury(server, message, "1")
    assert letters.retry(by_id(letters, "1"))
    assert server.client.lrange("p:a", 0, -1) == [message]
    assert ids(letters) == []


def test_a_retried_message_goes_to_the_tail_of_its_priority_uncounted(
    server: Server, letters: DeadLetters
) -> None:
    server.client.lpush("p:a\x06\x166", b"waiting")
    bury(server, redelivered(redelivered(message_of("1", 6), deaths=3), restored=True), "1")
    assert letters.retry(by_id(letters, "1"))
    last, first = server.client.lrange("p:a\x06\x166", 0, -1)
    assert first == b"waiting"
    assert json.loads(last)["properties"]["delivery_info"] == {"redelivered": True}


def test_only_the_letter_meant_is_moved_or_dropped(server: Server, letters: DeadLetters) -> None:
    for name in "1234":
        bury(server, message_of(name), name)
    assert letters.retry(by_id(letters, "2"))
    assert letters.drop(by_id(letters, "3"))
    assert ids(letters) == ["1", "4"]
    assert server.client.lrange("p:a", 0, -1) == [message_of("2")]


def test_several_operators_at_once_move_each_message_once(server: Server, letters: DeadLetters) -> None:
    for number in range(50):
        bury(server, message_of(str(number)), str(number))
    found = list(letters.letters()) * 4
    with ThreadPoolExecutor(4) as operators:
        assert sum(operators.map(letters.retry, found)) == 50
    assert server.client.llen("p:a") == 50
    assert len(set(server.client.lrange("p:a", 0, -1))) == 50
    assert not letters.drop(found[0])


def test_a_queue_that_is_none_keeps_the_letter(server: Server, letters: DeadLetters) -> None:
    server.client.set("p:a", "text")
    bury(server, message_of("1"), "1")
    with pytest.raises(BrokerRefused, match="p:a is no queue but a string"):
        letters.retry(by_id(letters, "1"))
    assert ids(letters) == ["1"]


def test_a_retry_passes_when_the_server_is_out_of_memory(server: Server, letters: DeadLetters) -> None:
    bury(server, message_of("1"), "1")
    letter = by_id(letters, "1")
    server.client.config_set("maxmemory", 1)
    try:
        assert letters.retry(letter)
    finally:
        server.client.config_set("maxmemory", 0)
    assert server.client.llen("p:a") == 1


def test_old_letters_go_when_they_are_listed(server: Server) -> None:
    for number in range(250):
        bury(server, b"m", str(number), age=3 * DAY)
    bury(server, b"m", "young", age=DAY)
    server.client.lpush(LIST, "no entry at all")
    letters = opened(server, Retention(seconds=2 * DAY))
    assert ids(letters)[0] == "young"
    assert server.client.llen(LIST) == 2
    letters.close()


def test_what_is_more_than_is_kept_goes_when_it_is_listed(server: Server) -> None:
    for number in range(5):
        bury(server, b"m", str(number))
    letters = opened(server, Retention(most=3))
    assert ids(letters) == ["2", "3", "4"]
    letters.close()


def test_for_ever(server: Server) -> None:
    bury(server, b"m", "1", age=50 * 365 * DAY)
    letters = opened(server, Retention(seconds=None))
    assert ids(letters) == ["1"]
    letters.close()


def test_a_burial_removes_what_is_too_much_or_too_old(server: Server, letters: DeadLetters) -> None:
    for age in (9, 8, 1, 0):
        bury(server, b'"time":"0"', str(age), age=age * DAY)
    address = parse(server.url(), OPTIONS)
    retention = Retention(most=3, seconds=2 * DAY)
    with Driven(RedisConsumer(address, ["a"], node="w@test", retention=retention)) as driven:
        entry = encode(b"m", time.time(), reason="why", node="w@test", task_id="new")
        driven.settle(Settlement("", dead=("a", entry)))
    assert ids(letters) == ["1", "0", "new"]


@pytest.mark.parametrize(("size", "gone"), [(0, 100), (400_000, 3)])
def test_burials_at_once_remove_little_at_once(server: Server, size: int, gone: int) -> None:
    """So that no call holds the server for long; the next ones go on."""
    for number in range(gone + 100):
        bury(server, b"m" * size, str(number), age=2 * DAY)
    address = parse(server.url(), OPTIONS)
    with Driven(RedisConsumer(address, ["a"], node="w@test", retention=Retention(seconds=DAY))) as driven:
        entry = encode(b"m", time.time(), reason="why", node="w@test")
        driven.settle(*[Settlement("", dead=("a", entry))] * 50)
    assert server.client.llen(LIST) == 100 + 50
