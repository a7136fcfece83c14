"""What a Consumer promises for messages whose worker is gone (P2, P3, P4), and beside Celery peers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from brokers import envelope as envelopes
from brokers.envelope import build
from brokers.interface import Delivery, Push, Settlement, Write
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
from brokers.redis.scripts import READ
from tests.support.consumers import Driven
from tests.support.servers import Server
from tests.support.waiting import wait_until

LEASE = 0.4
ROOT = Path(__file__).parents[2]


def consumer_of(server: Server, node: str = "w@test", **options: float) -> RedisConsumer:
    return RedisConsumer(parse(server.url(0, **options)), ["a", "b"], node=node, lease=LEASE)


def ids(deliveries: list[Delivery]) -> list[str]:
    return [envelopes.parse(delivery.message).headers["id"] for delivery in deliveries]


def envelope(name: str, priority: int = 0) -> bytes:
    properties = {
        "priority": priority,
        "delivery_tag": name,
        "delivery_info": {"exchange": "", "routing_key": "a"},
    }
    return build(b"[[], {}, {}]", {"task": "t", "id": name}, properties)


def names(messages: list[bytes]) -> list[str]:
    return [orjson.loads(message)["headers"]["id"] for message in messages]


def waiting(server: Server, key: str) -> list[bytes]:
    """In the order in which they would be taken."""
    messages: list[bytes] = server.client.lrange(key, 0, -1)
    return messages[::-1]


# kombu's functions have no types.
connect: Any = Connection
queue_of: Any = Queue


def is_marked(message: bytes) -> bool:
    fields = orjson.loads(message)
    info = fields["properties"].get("delivery_info", {})
    return bool(fields["headers"].get("redelivered") and info.get("redelivered"))


def restores(message: bytes) -> int:
    return envelopes.restores(envelopes.parse(message).properties)


@pytest.fixture
def driven(server: Server) -> Iterator[Driven]:
    with Driven(consumer_of(server)) as driven:
        yield driven


class WorkerProcess:
    """Another process that takes everything from queue `a` and then does nothing."""

    PROGRAM = """
import select, sys, time
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
consumer = RedisConsumer(parse(sys.argv[1]), ["a"], node=sys.argv[2], lease=float(sys.argv[3]))
consumer.connect(5)
consumer.take(1000)
while True:
    if consumer.receive(time.monotonic()).deliveries:
        print(consumer.incarnation, flush=True)
    select.select([consumer], [], [], max(0, consumer.next_deadline() - time.monotonic()))
"""

    def __init__(self, server: Server, node: str, lease: float) -> None:
        command = [sys.executable, "-c", self.PROGRAM, server.url(), node, str(lease)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.incarnation = self._process.stdout.readline().decode().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)


@pytest.fixture
def messages(server: Server) -> list[bytes]:
    """Twenty, in queue `a`, and two of low priority."""
    envelopes = [envelope(str(number), 0 if number < 20 else 6) for number in range(22)]
    server.client.lpush("a", *envelopes[:20])
    server.client.lpush("a\x06\x166", *envelopes[20:])
    return envelopes


def test_a_killed_worker_s_messages_go_back_in_order_when_its_lease_ends(
    server: Server, messages: list[bytes]
) -> None:
    worker = WorkerProcess(server, "other@test", LEASE)
    with Driven(consumer_of(server)) as driven:
        worker.kill()
        server.client.lpush("a", envelope("later"))
        driven.awakened = 0
        driven.until(lambda: driven.restored)
        assert driven.restored == 22
        assert driven.awakened
        assert names(waiting(server, "a")) == [*map(str, range(20)), "later"]
        assert names(waiting(server, "a\x06\x166")) == ["20", "21"]
        assert all(is_marked(message) for message in waiting(server, "a")[:20])
        assert [restores(message) for message in waiting(server, "a")] == [1] * 20 + [0]
        assert server.client.exists("unacked", "unacked_index") == 0
        driven.until(
            lambda: server.client.zrange("runtime.workers", 0, -1) == [driven.consumer.incarnation.encode()]
        )
    [tombstone] = server.client.keys("runtime.*")
    assert tombstone.decode() == f"runtime.worker.{worker.incarnation}"
    assert 0 < server.client.ttl(tombstone) <= 86400


def test_a_successor_recovers_its_dead_predecessor_at_once(server: Server, messages: list[bytes]) -> None:
    worker = WorkerProcess(server, "same@test", lease=3600)
    worker.kill()
    server.client.set("unacked_mutex", worker.incarnation, ex=300)  # as if in a sweep
    with Driven(consumer_of(server, "same@test")) as driven:
        driven.until(lambda: driven.restored == 22, timeout=2)
        assert len(driven.take()) == 22
        driven.until(lambda: not server.client.exists("unacked_mutex"))


def test_a_recovery_that_a_lost_connection_cuts_short_is_begun_anew(
    server: Server, messages: list[bytes]
) -> None:
    """With the lease of a solo worker it is long until ended leases are looked for."""
    worker = WorkerProcess(server, "same@test", lease=3600)
    worker.kill()
    consumer = RedisConsumer(parse(server.url()), ["a", "b"], node="same@test", lease=3600)
    with Driven(consumer) as driven:
        driven.until(lambda: server.client.hexists(f"runtime.worker.{worker.incarnation}", "buried"))
        assert driven.restored == 0
        server.client.client_kill_filter(_type="normal", skipme=True)
        driven.until(lambda: driven.restored == 22)


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize(("name", "lease"), [("same@test", 3600), ("other@test", LEASE)])
def test_messages_are_recovered_while_the_server_is_out_of_memory(
    server: Server, messages: list[bytes], name: str, lease: float, interrupted: bool
) -> None:
    """Also where somebody has begun to."""
    worker = WorkerProcess(server, name, lease)
    worker.kill()
    if interrupted:
        server.client.hset(f"runtime.worker.{worker.incarnation}", "buried", 1)
    server.client.config_set("maxmemory", 1)
    try:
        with Driven(consumer_of(server, "same@test")) as driven:
            driven.until(lambda: driven.restored == 22)
    finally:
        server.client.config_set("maxmemory", 0)


def test_a_live_worker_of_the_same_name_is_left_alone(server: Server, messages: list[bytes]) -> None:
    worker = WorkerProcess(server, "same@test", lease=3600)
    try:
        with Driven(consumer_of(server, "same@test")) as driven:
            begun = time.monotonic()
            driven.until(lambda: time.monotonic() - begun > 2 * LEASE)
            assert driven.restored == 0
            assert server.client.hlen("unacked") == 22
    finally:
        worker.kill()


def test_live_workers_of_the_same_name_are_told(server: Server) -> None:
    """And neither others, nor ourselves, nor those that have left."""

    def worker(node: str) -> Driven:
        return Driven(RedisConsumer(parse(server.url()), ["a"], node=node))

    here = f"pid {os.getpid()} on {socket.gethostname()}"
    for _ in range(2):
        with worker("same@test"), worker("other@test"), worker("same@test") as second:
            second.until(lambda second=second: second.namesakes)  # type: ignore[misc]
            assert second.namesakes == [here]


def test_a_live_worker_keeps_its_messages(server: Server, driven: Driven, messages: list[bytes]) -> None:
    with Driven(consumer_of(server, "other@test")) as holder:
        holder.take()
        begun = time.monotonic()
        while time.monotonic() - begun < 3 * LEASE:
            driven.turn(0.02)
            holder.turn(0.02)
        assert driven.restored == 0
        holder.settle(*(Settlement(delivery.tag) for delivery in holder.deliveries))
        assert holder.fenced == []


def test_a_frozen_worker_is_told_that_others_have_its_messages(
    server: Server, driven: Driven, messages: list[bytes]
) -> None:
    """It settles nothing of what it had, and goes on under another incarnation."""
    with Driven(consumer_of(server, "other@test")) as frozen:
        before = frozen.consumer.incarnation
        taken = frozen.take(20)
        frozen.hold((taken[19].tag, time.time() + 60))
        driven.until(lambda: driven.restored == 20)
        assert not frozen.consumer.leased(time.monotonic())
        frozen.consumer.settle([Settlement(taken[0].tag, [Write("k", b"doc", 9)])])
        frozen.consumer.hold([(taken[1].tag, time.time() + 60)])
        frozen.until(lambda: frozen.connected == 2)
        assert frozen.evicted == 1
        assert frozen.consumer.incarnation != before
        assert frozen.consumer.leased(time.monotonic())
        assert frozen.consumer.pending() == 0
        frozen.settle(*(Settlement(delivery.tag, [Write("k", b"doc", 9)]) for delivery in taken[2:]))
        assert sorted(frozen.fenced) == sorted({each.tag for each in taken} - {taken[1].tag})
        assert frozen.settled == 19
        assert not server.client.exists("k")
        assert ids(driven.take(10)) == [str(number) for number in range(10)]
        again = frozen.take(10)
        assert ids(again) == [str(number) for number in range(10, 20)]
        frozen.settle(*(Settlement(delivery.tag) for delivery in again))
        assert len(frozen.fenced) == 19
        assert len(driven.take()) == 2
        driven.settle(*(Settlement(delivery.tag) for delivery in driven.deliveries))
        assert (driven.evicted, driven.fenced) == (0, [])


@pytest.mark.parametrize("carried_out", [True, False])
def test_what_needs_no_message_is_done_once_in_spite_of_an_eviction(
    server: Server, driven: Driven, messages: list[bytes], carried_out: bool
) -> None:
    """Ends of early-ack tasks, asked for before it was noticed."""
    with Driven(consumer_of(server, "other@test")) as frozen:
        [taken] = frozen.take(1)
        settlements = [Settlement("", pushes=[Push("q", b"m")]), Settlement(taken.tag)]
        if carried_out:
            frozen.consumer.settle(settlements)
            wait_until(lambda: not server.client.exists("unacked"))
            server.client.lpush("a", messages[0])
            frozen.consumer.take(1)
            wait_until(lambda: server.client.exists("unacked"))
        driven.until(lambda: driven.restored == 1)
        if not carried_out:
            frozen.consumer.settle(settlements)
            frozen.consumer.take(1)
        frozen.until(lambda: frozen.connected == 2 and frozen.consumer.pending() == 0)
        assert (frozen.evicted, frozen.settled, frozen.taken) == (1, 2, 2)
        assert frozen.fenced == ([] if carried_out else [taken.tag])
        assert server.client.lrange("q", 0, -1) == [b"m"]
        assert frozen.deliveries == [taken]


def test_a_frozen_worker_that_nobody_missed_goes_on(server: Server, messages: list[bytes]) -> None:
    with Driven(consumer_of(server)) as frozen:
        taken = frozen.take()
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun > 2 * LEASE)
        assert not frozen.consumer.leased(time.monotonic())
        frozen.until(lambda: frozen.connected == 2)
        frozen.settle(*(Settlement(delivery.tag) for delivery in taken))
        assert (frozen.evicted, frozen.fenced) == (0, [])


@pytest.mark.parametrize("in_a_turn", [False, True])
def test_a_frozen_worker_some_of_whose_messages_are_gone_leaves_the_others(
    server: Server, messages: list[bytes], in_a_turn: bool
) -> None:
    """A Celery worker may have them: it gives back what is old, and knows no lease. The others are recovered
    as if the worker were dead, by itself if need be. in_a_turn: it was frozen in the middle of one, and first
    goes on with that."""
    with Driven(consumer_of(server)) as frozen:
        before = frozen.consumer.incarnation
        taken = frozen.take(5)
        server.client.hdel("unacked", taken[3].tag)
        server.client.zrem("unacked_index", taken[3].tag)
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun > 2 * LEASE)
        if in_a_turn:
            frozen.consumer.receive(begun)
            frozen.consumer.measure()
        frozen.until(lambda: frozen.connected == 2)
        assert frozen.evicted == 1
        assert frozen.consumer.incarnation != before
        frozen.settle(*(Settlement(delivery.tag) for delivery in taken))
        assert len(frozen.fenced) == 5
        frozen.until(lambda: frozen.restored == 4)
        assert ids(frozen.take(4)) == ["0", "1", "2", "4"]


def test_a_server_that_has_lost_its_data_evicts_nobody(server: Server, messages: list[bytes]) -> None:
    """Nobody else has the messages: what runs may as well end."""
    with Driven(consumer_of(server)) as driven:
        before = driven.consumer.incarnation
        driven.take()
        server.kill()
        begun = time.monotonic()
        driven.until(lambda: time.monotonic() - begun > 2 * LEASE)
        assert not driven.consumer.leased(time.monotonic())
        server.start()
        driven.until(lambda: driven.connected == 2)
        assert driven.consumer.leased(time.monotonic())
        assert (driven.evicted, driven.consumer.incarnation) == (0, before)


def test_after_an_outage_of_the_server_nobody_is_dead(durable_server: Server) -> None:
    server = durable_server
    with Driven(consumer_of(server)) as one, Driven(consumer_of(server, "other@test")) as two:
        server.client.lpush("a", *(envelope(str(number)) for number in range(4)))
        taken = one.take(2), two.take(2)
        server.kill()
        begun = time.monotonic()
        one.until(lambda: time.monotonic() - begun > 2 * LEASE and one.problems)
        server.start()
        begun = time.monotonic()
        while time.monotonic() - begun < 3 * LEASE or one.connected + two.connected < 4:
            one.turn(0.01)
            two.turn(0.01)
        assert one.restored + two.restored == 0
        for driven, deliveries in zip((one, two), taken, strict=True):
            driven.settle(*(Settlement(delivery.tag) for delivery in deliveries))
            assert driven.fenced == []


def both_turn(one: Driven, two: Driven) -> None:
    """Until either may judge."""
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5 * LEASE:
        one.turn(0.01)
        two.turn(0.01)


def test_who_is_first_heard_by_a_server_that_was_frozen_takes_nobody_for_dead(server: Server) -> None:
    with Driven(consumer_of(server)) as one, Driven(consumer_of(server, "other@test")) as two:
        server.client.lpush("a", envelope("1"))
        taken = one.take()
        both_turn(one, two)
        begun = time.monotonic()
        two.until(lambda: time.monotonic() - begun > 0.5 * LEASE)
        server.pause()
        two.until(lambda: time.monotonic() - begun > 1.1 * LEASE)
        server.resume()
        two.until(lambda: time.monotonic() - begun > 1.4 * LEASE)
        assert two.restored == 0
        both_turn(one, two)
        one.settle(Settlement(taken[0].tag))
        assert (one.fenced, two.restored) == ([], 0)


def test_several_dead_workers(server: Server, driven: Driven) -> None:
    for number in range(3):
        server.client.lpush("a", envelope(str(number)))
        WorkerProcess(server, f"{number}@test", LEASE).kill()
    driven.until(lambda: driven.restored == 3)
    driven.until(lambda: server.client.zcard("runtime.workers") == 1)


def test_dead_workers_that_had_nothing_hold_nobody_up(server: Server, messages: list[bytes]) -> None:
    """Of many that die together, the one with the messages may be the last."""
    options = {"node": "w@test", "lease": LEASE, "renewal": 0.3}
    with Driven(RedisConsumer(parse(server.url()), ["a"], **options)) as driven:  # type: ignore[arg-type]
        worker = WorkerProcess(server, "other@test", LEASE)
        server.client.zadd("runtime.workers", {f"idle{number}": number + 1 for number in range(100)})
        worker.kill()
        driven.until(lambda: driven.restored == 22)
        driven.until(lambda: server.client.zcard("runtime.workers") == 1, timeout=1)
    # One look at all that is unacked, and one at what each of them held.
    assert server.client.info("commandstats")["cmdstat_zscan"]["calls"] < 150


def test_many_messages_and_held_ones(server: Server, driven: Driven) -> None:
    with Driven(consumer_of(server, "other@test")) as dead:
        server.client.lpush("a", *(envelope(str(number)) for number in range(2500)))
        taken = dead.take_all(2500)
        dead.hold(*((delivery.tag, time.time() + 3600) for delivery in taken[:1500]))
        driven.until(lambda: driven.restored == 2500)
        assert names(waiting(server, "a")) == [str(number) for number in range(2500)]
        assert [restores(message) for message in waiting(server, "a")] == [0] * 1500 + [1] * 1000
        driven.until(lambda: server.client.zcard("runtime.workers") == 1)
        assert server.client.keys("runtime.eta.*") == []


def test_what_is_recovered_is_read_in_parts_of_bounded_size(server: Server) -> None:
    server.client.hset("unacked", mapping={"1": b"one", "2": b"two", "3": b"three" * 9})

    def read(*tags: str) -> Any:
        return server.client.eval(READ.text, 0, "unacked", 8, *tags)

    assert read("1", "gone", "2", "3") == [b"one", None, b"two"]
    assert read("3", "1") == [b"three" * 9]


@pytest.mark.parametrize(
    "message", [b"not json", b"", b"[1]", b'{"a": 1}', b'{"properties": 1, "headers": 2}']
)
def test_messages_that_are_no_envelopes_are_restored_as_they_are(
    server: Server, driven: Driven, message: bytes
) -> None:
    with Driven(consumer_of(server, "other@test")) as dead:
        server.client.lpush("b", message)
        dead.take()
        driven.until(lambda: driven.restored == 1)
        assert waiting(server, "b") == [message]


# Celery peers ------------------------------------------------------------------------------------


def test_scores_are_refreshed_within_the_visibility_timeout(server: Server) -> None:
    """Also past older entries of others, for what is held, and out of memory."""
    server.client.zadd("unacked_index", {f"foreign{number}": 1 for number in range(1500)})
    with Driven(consumer_of(server, visibility_timeout=1, unacked_restore_interval=1000)) as driven:
        driven.until(lambda: server.client.zcard("unacked_index") == 0)  # the first sweep
        server.client.zadd("unacked_index", {f"foreign{number}": 1 for number in range(1500)})
        server.client.lpush("a", *(envelope(str(number)) for number in range(10)))
        taken = driven.take()
        driven.hold(*((delivery.tag, time.time() + 60) for delivery in taken[:5]))
        server.client.config_set("maxmemory", 1)
        begun = time.monotonic()
        while time.monotonic() - begun < 2:
            driven.turn(0.05)
            scores = server.client.zmscore("unacked_index", [delivery.tag for delivery in taken])
            assert min(scores) > time.time() - 0.8
        server.client.config_set("maxmemory", 0)


def test_what_a_celery_worker_left_behind_is_restored_by_age(server: Server) -> None:
    old, young = time.time() - 3700, time.time() - 100
    direct = orjson.dumps([orjson.loads(envelope("direct")), "", "b"])
    routed = orjson.dumps([orjson.loads(envelope("routed")), "exchange", "key"])
    copied = orjson.dumps([orjson.loads(envelope("copied")), "several", "k"])
    nowhere = orjson.dumps([orjson.loads(envelope("nowhere")), "unknown", "key"])
    keyless = orjson.dumps([orjson.loads(envelope("keyless")), "", None])
    server.client.sadd("_kombu.binding.exchange", "other\x06\x16\x06\x16x", "key\x06\x16\x06\x16a")
    server.client.sadd("_kombu.binding.several", "k\x06\x16\x06\x16c", "k\x06\x16\x06\x16d", "no binding")
    tags = {"direct": direct, "routed": routed, "copied": copied, "nowhere": nowhere}
    tags |= {"keyless": keyless, "half": b'[{"body"', "young": direct}
    server.client.hset("unacked", mapping=tags)
    ages = {tag: young if tag == "young" else old for tag in ("gone", *tags)}
    server.client.zadd("unacked_index", ages)
    with Driven(consumer_of(server)) as driven:
        driven.until(lambda: driven.restored)
        assert driven.restored == 3
        driven.until(lambda: not server.client.exists("unacked_mutex"))
        assert names(waiting(server, "c")) == names(waiting(server, "d")) == ["copied"]
        assert names(waiting(server, "a")) == ["routed"]
        assert names(waiting(server, "b")) == ["direct"]
        assert is_marked(waiting(server, "a")[0])
        assert restores(waiting(server, "a")[0]) == 0
        left = {b"nowhere", b"keyless", b"half", b"young"}
        assert (
            set(server.client.hkeys("unacked")) == set(server.client.zrange("unacked_index", 0, -1)) == left
        )


def test_nothing_is_swept_while_another_has_the_mutex(server: Server) -> None:
    server.client.set("unacked_mutex", "theirs")
    server.client.hset("unacked", "tag", orjson.dumps([orjson.loads(envelope("1")), "", "a"]))
    server.client.zadd("unacked_index", {"tag": 1})
    with Driven(consumer_of(server, unacked_restore_interval=0.05, unacked_restore_throttle=1)) as driven:
        begun = time.monotonic()
        driven.until(lambda: time.monotonic() - begun > 0.3)
        assert server.client.hlen("unacked") == 1
        server.client.delete("unacked_mutex")
        driven.until(lambda: driven.restored == 1)
    assert server.client.get("unacked_mutex") is None


def test_celery_s_kombu_restores_what_we_leave_behind(server: Server) -> None:
    """An unmodified kombu, on everything that is in our unacked storage."""
    with Driven(consumer_of(server)) as driven:
        server.client.lpush("a", envelope("1"))
        server.client.lpush("a\x06\x163", envelope("2", 3))
        driven.take()
        server.client.zadd("unacked_index", dict.fromkeys(server.client.zrange("unacked_index", 0, -1), 1))
        with connect(server.url()) as connection, connection.channel() as channel:
            driven.until(lambda: channel.qos.restore_visible(num=10) or server.client.llen("a"))
            assert names(waiting(server, "a")) == ["1"]
            assert names(waiting(server, "a\x06\x163")) == ["2"]
            assert is_marked(waiting(server, "a")[0])
            message = queue_of("a", channel=channel).get()
            assert message.headers["id"] == "1"
            message.ack()
        driven.settle(*(Settlement(delivery.tag) for delivery in driven.deliveries))
        assert len(driven.fenced) == 2


def test_the_claim_on_a_recovery_passes_to_others(server: Server, driven: Driven) -> None:
    server.client.lpush("a", envelope("1"))
    worker = WorkerProcess(server, "other@test", LEASE)
    worker.kill()
    server.client.zadd("runtime.workers", {"somebody": (time.time() + 60) * 1000})
    server.client.set(f"runtime.recovery.{worker.incarnation}", "somebody", px=1000)
    begun = time.monotonic()
    driven.until(lambda: driven.restored == 1)
    assert time.monotonic() - begun > 0.5
    wait_until(lambda: not server.client.exists(f"runtime.recovery.{worker.incarnation}"))


def test_the_claim_of_a_worker_that_is_gone_holds_nobody_up(server: Server, driven: Driven) -> None:
    server.client.lpush("a", envelope("1"))
    worker = WorkerProcess(server, "other@test", LEASE)
    worker.kill()
    server.client.set(f"runtime.recovery.{worker.incarnation}", "gone", px=60_000)
    driven.until(lambda: driven.restored == 1)
