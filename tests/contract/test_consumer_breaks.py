"""What a Consumer promises when the connection or the server breaks (P1, P5, P7)."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from brokers.interface import Push, Settlement, Write
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
from tests.support.consumers import Driven
from tests.support.proxy import Proxy
from tests.support.servers import BINARIES, Server
from tests.support.waiting import wait_until


def consumer_of(server: Server) -> RedisConsumer:
    return RedisConsumer(parse(server.url()), ["a", "b"], node="w@test")


@pytest.fixture
def driven(server: Server) -> Iterator[Driven]:
    with Driven(consumer_of(server)) as driven:
        yield driven


def cut(server: Server) -> None:
    """Kill every connection but the one that asks."""
    own = server.client.client_id()
    for client in server.client.client_list():
        if int(client["id"]) != own:
            server.client.client_kill_filter(_id=client["id"])


def test_a_take_whose_answer_is_lost_strands_nothing(server: Server, driven: Driven) -> None:
    server.client.lpush("a", *"12345")
    held = driven.take(1)[0]
    driven.hold((held.tag, time.time() - 1))
    driven.consumer.take(3)
    wait_until(lambda: server.client.hlen("unacked") == 3)
    cut(server)
    driven.until(lambda: driven.taken == 2)
    assert len(driven.problems) == 1
    assert driven.connected == 2
    assert driven.deliveries[1] == held._replace(held=True)
    assert [delivery.message for delivery in driven.deliveries[2:]] == [b"2", b"3"]
    assert len({delivery.tag for delivery in driven.deliveries}) == 3
    driven.settle(*(Settlement(delivery.tag) for delivery in driven.deliveries[1:]))
    assert driven.fenced == []
    assert [delivery.message for delivery in driven.take()] == [b"4", b"5"]


def test_settlements_whose_answer_is_lost_happen_once(server: Server, driven: Driven) -> None:
    server.client.lpush("a", "1", "2")
    first, second = driven.take()
    driven.consumer.settle([Settlement(first.tag, [Write("k", b"doc", 9)], [Push("q", b"m")])])
    driven.consumer.settle([Settlement("", pushes=[Push("q", b"without tag")])])
    driven.consumer.hold([(second.tag, time.time() + 60)])
    wait_until(lambda: server.client.exists(f"runtime.eta.{driven.consumer.incarnation}"))
    cut(server)
    driven.until(lambda: driven.consumer.pending() == 0)
    assert driven.settled == 2
    assert driven.fenced == []
    assert server.client.lrange("q", 0, -1) == [b"without tag", b"m"]


def test_a_request_that_the_server_reads_late_does_nothing(server: Server, driven: Driven) -> None:
    """It was in the old connection's buffer when the new one sent it again."""
    server.client.lpush("a", *"12")
    driven.take(1)
    record = f"runtime.worker.{driven.consumer.incarnation}"
    server.client.hset(record, "step", 100)  # as if later ones had been done on another connection
    driven.consumer.settle([Settlement("", pushes=[Push("q", b"m")])])
    assert driven.take() == []
    assert server.client.exists("q") == 0
    assert server.client.llen("a") == 1


def test_what_is_asked_while_there_is_no_connection_is_done_after(durable_server: Server) -> None:
    server = durable_server
    with Driven(consumer_of(server)) as driven:
        server.client.lpush("a", *"123")
        first, second = driven.take(2)
        server.kill()
        driven.until(lambda: driven.problems)
        driven.consumer.settle([Settlement(first.tag, [Write("k", b"doc", 0)])])
        driven.consumer.hold([(second.tag, time.time() - 1)])
        driven.consumer.take(5)
        assert driven.consumer.pending() == 2
        driven.until(lambda: len(driven.problems) > 3)
        server.start()
        back = time.monotonic()
        driven.until(lambda: driven.taken == 2, timeout=5)
        assert time.monotonic() - back < 5
        assert driven.consumer.pending() == 0
        assert [(each.message, each.held) for each in driven.deliveries[2:]] == [(b"2", True), (b"3", False)]
        assert server.client.get("k") == b"doc"
        assert driven.fenced == []


def test_consumes_and_wakes_again_after_a_restart(server: Server, driven: Driven) -> None:
    assert driven.take() == []
    server.restart()
    driven.until(lambda: driven.connected == 2, timeout=5)
    assert driven.take() == []
    driven.awakened = 0
    server.client.lpush("b", "1")
    driven.until(lambda: driven.awakened, timeout=0.1)
    assert [delivery.message for delivery in driven.take()] == [b"1"]


def test_what_the_server_has_forgotten_is_given_back(server: Server, driven: Driven) -> None:
    """As by a failover to a replica that lags behind: what it had confirmed has never been."""
    server.client.lpush("a", *"1234")
    ours, settled, held = driven.take(3)
    keys = ("unacked", "unacked_index", f"runtime.worker.{driven.consumer.incarnation}")
    before = {key: server.client.dump(key) for key in keys}
    driven.settle(Settlement(settled.tag))
    driven.hold((held.tag, time.time() + 60))
    for key, value in before.items():
        server.client.restore(key, 0, value, replace=True)
    server.client.delete(f"runtime.eta.{driven.consumer.incarnation}")
    cut(server)
    driven.until(lambda: driven.restored == 2)
    assert server.client.lrange("a", 0, -1) == [b"4", b"3", b"2"]
    assert server.client.hkeys("unacked") == [ours.tag.encode()]
    driven.settle(Settlement(ours.tag))
    assert driven.fenced == []


def test_what_the_server_has_forgotten_is_given_back_by_who_leaves(server: Server) -> None:
    server.client.lpush("a", *"12")
    with Driven(consumer_of(server)) as driven:
        first, second = driven.take()
        before = {key: server.client.dump(key) for key in ("unacked", "unacked_index")}
        driven.settle(Settlement(first.tag), Settlement(second.tag))
        for key, value in before.items():
            server.client.restore(key, 0, value)
        # As it stands between a new connection and what is done on it.
        server.client.hset(f"runtime.worker.{driven.consumer.incarnation}", "lost", 1)
    assert server.client.lrange("a", 0, -1) == [b"2", b"1"]
    assert not server.client.exists("unacked")


def test_what_the_server_has_kept_stays_where_it_is(server: Server, driven: Driven) -> None:
    """Also if the last takes, which it does not remember, brought nothing."""
    server.client.lpush("a", *"12")
    first, second = driven.take()
    driven.hold((second.tag, time.time() + 60))
    assert driven.take() == []
    cut(server)
    driven.until(lambda: driven.connected == 2)
    assert driven.take() == []
    assert not server.client.hexists(f"runtime.worker.{driven.consumer.incarnation}", "lost")
    assert server.client.hlen("unacked") == 2
    assert driven.restored == 0
    driven.settle(Settlement(first.tag))
    assert driven.fenced == []


def test_works_while_the_server_is_out_of_memory(server: Server, driven: Driven) -> None:
    server.client.lpush("a", *"12345")
    first, second, third, *_ = driven.take(4)
    server.client.config_set("maxmemory", 1)
    try:
        driven.settle(Settlement(first.tag))
        driven.settle(
            Settlement(second.tag, [Write("k1", b"doc", 9)], [Push("q", b"m")]),
            Settlement("", [Write("k2", b"doc", 9)], dead=("a", b"entry")),
        )
        driven.hold((third.tag, time.time() - 1))
        assert [delivery.message for delivery in driven.take()] == [b"3", b"5"]
        begun = time.monotonic()
        driven.until(lambda: time.monotonic() - begun > 2.2)  # a renewal of the lease
    finally:
        server.client.config_set("maxmemory", 0)
    assert (driven.problems, driven.fenced) == ([], [])
    assert all(text.startswith("upkeep: OOM") for text in driven.refused)
    assert server.client.exists("k1", "k2", "q", "runtime.dead.a") == 4


def test_waits_out_a_server_that_has_become_a_replica(server: Server, driven: Driven) -> None:
    server.client.lpush("a", *"12")
    [delivery] = driven.take(1)
    server.client.replicaof("127.0.0.1", 1)
    try:
        driven.consumer.settle([Settlement(delivery.tag, pushes=[Push("q", b"m")])])
        driven.until(lambda: len(driven.problems) > 2)
        assert "READONLY" in str(driven.problems[0])
    finally:
        server.client.replicaof("NO", "ONE")
    driven.until(lambda: driven.consumer.pending() == 0, timeout=5)
    assert [delivery.message for delivery in driven.take()] == [b"2"]
    assert server.client.lrange("q", 0, -1) == [b"m"]


def test_scripts_that_the_server_has_forgotten_are_loaded_again(server: Server, driven: Driven) -> None:
    server.client.lpush("a", "1")
    server.client.script_flush()
    driven.consumer.take(1)
    driven.until(lambda: driven.taken)
    assert "NOSCRIPT" in str(driven.problems[0])
    assert [delivery.message for delivery in driven.deliveries] == [b"1"]


def test_a_server_that_does_not_answer_is_noticed(server: Server, driven: Driven) -> None:
    server.client.lpush("a", "1")
    server.pause()
    driven.consumer.take(1)
    driven.until(lambda: driven.problems, timeout=7)
    assert "no answer" in str(driven.problems[0])
    server.resume()
    driven.until(lambda: driven.taken, timeout=5)
    assert [delivery.message for delivery in driven.deliveries] == [b"1"]
    assert server.client.hlen("unacked") == 1


def test_an_answer_that_takes_longer_than_a_lease_to_come_is_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large messages over a slow network: asked for anew, they would take as long again."""
    monkeypatch.setattr("brokers.redis.link.ANSWER_TIMEOUT", 0.3)
    with Proxy(server) as proxy:
        consumer = RedisConsumer(parse(proxy.url()), ["a"], node="w@test", lease=0.8)
        with Driven(consumer) as driven:
            server.client.lpush("a", b"x" * 1_500_000)
            proxy.slow_down(1_000_000)
            [delivery] = driven.take()
            assert driven.problems == []
            driven.until(lambda: consumer.leased(time.monotonic()))
            driven.settle(Settlement(delivery.tag))
            assert driven.fenced == []


def test_what_takes_long_to_be_sent_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system takes all of it at once, and only there can be seen that it arrives."""
    monkeypatch.setattr("brokers.redis.link.ANSWER_TIMEOUT", 1.0)
    with Proxy(server) as proxy, Driven(RedisConsumer(parse(proxy.url()), ["a"], node="w@test")) as driven:
        server.client.lpush("a", "1")
        [delivery] = driven.take()
        proxy.slow_down(1_000_000)
        driven.settle(Settlement(delivery.tag, pushes=[Push("q", b"x" * 2_500_000)]))
        assert (driven.problems, driven.fenced) == ([], [])
        assert server.client.llen("q") == 1


def test_a_consumer_that_was_stopped_for_a_lease_asks_again_what_is_its_own(server: Server) -> None:
    """What was delivered to a frozen worker may be another's when it goes on."""
    with Driven(RedisConsumer(parse(server.url()), ["a"], node="w@test", lease=0.4)) as frozen:
        server.client.lpush("a", *"12")
        frozen.consumer.take(2)
        tags = wait_until(lambda: server.client.hkeys("unacked"))
        with Driven(RedisConsumer(parse(server.url()), ["a"], node="x@test", lease=0.4)) as other:
            other.until(lambda: other.restored == 2)
            assert len(other.take(5)) == 2
            frozen.until(lambda: frozen.taken)
            assert frozen.deliveries == []
            frozen.settle(Settlement(tags[0].decode(), pushes=[Push("q", b"m")]))
            assert frozen.fenced == [tags[0].decode()]
            assert server.client.exists("q") == 0
            server.client.lpush("a", "3")
            assert [delivery.message for delivery in frozen.take(5)] == [b"3"]


def test_no_call_blocks_while_the_server_is_away(server: Server, driven: Driven) -> None:
    server.kill()
    longest = 0.0
    while len(driven.problems) < 4:
        begun = time.monotonic()
        driven.consumer.settle([Settlement("x")])
        driven.problems += filter(None, [driven.consumer.receive(begun).problem])
        longest = max(longest, time.monotonic() - begun)
    assert longest < 1  # a wait, for a connection or an answer, would be 3 s or 5 s


def test_attempts_to_connect_are_spaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a connection that had lasted: only the first one comes at once."""
    monkeypatch.setattr("brokers.redis.link.STABLE", 0.0)
    with Driven(consumer_of(server)) as driven:
        server.kill()
        begun = time.monotonic()
        driven.until(lambda: time.monotonic() - begun > 1)
        assert 3 <= len(driven.problems) <= 10
        server.start()
        driven.until(lambda: driven.connected == 2, timeout=5)


def test_a_lack_of_descriptors_is_waited_out(server: Server, driven: Driven) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        none_left = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (none_left, hard))
    try:
        cut(server)
        driven.until(lambda: len(driven.problems) > 2)
        assert "Too many open files" in str(driven.problems[-1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    driven.until(lambda: driven.connected == 2)


def test_closing_without_a_server_takes_no_longer_than_allowed(server: Server) -> None:
    with Driven(consumer_of(server)) as driven:
        server.kill()
        driven.until(lambda: driven.problems)
        begun = time.monotonic()
        driven.consumer.close(0.2)
        assert time.monotonic() - begun < 1
        driven.consumer = consumer_of(server)  # what the context manager closes


def test_leaves_no_descriptor_and_no_thread_behind(server: Server) -> None:
    def open_descriptors() -> int:
        with socket.socket() as probe:
            return probe.fileno()

    before = open_descriptors()
    for _ in range(3):
        with Driven(consumer_of(server)) as driven:
            cut(server)
            driven.take()
            assert driven.connected == 2
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "runtime-connect"])
    assert open_descriptors() == before


# Results on a server of their own ----------------------------------------------------------------


@pytest.fixture
def store() -> Iterator[Server]:
    with Server(sorted(BINARIES)[0]) as server:
        yield server


def test_results_on_another_server_are_stored_before_the_message_is_removed(
    server: Server, store: Server
) -> None:
    consumer = RedisConsumer(parse(server.url()), ["a"], node="w@test", results=parse(store.url(3)))
    with Driven(consumer) as driven, store.connect(3) as results, results.pubsub() as subscriber:
        server.client.lpush("a", *"123")
        first, second, third = driven.take()
        subscriber.subscribe("k")
        wait_until(lambda: subscriber.get_message(timeout=1))
        success = b'{"status": "SUCCESS"}'
        driven.settle(
            Settlement(first.tag, [Write("k", success, 100)], [Push("q", b"m")]), Settlement(second.tag)
        )
        assert results.get("k") == success
        assert 90 < results.ttl("k") <= 100
        assert wait_until(lambda: subscriber.get_message(True, timeout=1))["data"] == success
        assert server.client.lrange("q", 0, -1) == [b"m"]
        assert server.client.hkeys("unacked") == [third.tag.encode()]
        driven.settle(Settlement(third.tag, [Write("k", b'{"status": "FAILURE"}', 100)]))
        assert results.get("k") == success
        assert driven.settled == 3


def test_settlements_wait_for_a_store_that_is_away(server: Server, store: Server) -> None:
    consumer = RedisConsumer(parse(server.url()), ["a"], node="w@test", results=parse(store.url()))
    with Driven(consumer) as driven:
        server.client.lpush("a", *"12")
        first, second = driven.take()
        store.kill()
        driven.until(lambda: driven.problems)
        consumer.settle([Settlement(first.tag, [Write("k", b"doc", 0)]), Settlement(second.tag)])
        driven.until(lambda: driven.settled == 1)
        assert server.client.hkeys("unacked") == [first.tag.encode()]
        assert (consumer.pending(), driven.connected) == (1, 1)
        store.start()
        driven.until(lambda: consumer.pending() == 0 and driven.connected == 2, timeout=5)
        assert store.client.get("k") == b"doc"
        assert server.client.exists("unacked") == 0
