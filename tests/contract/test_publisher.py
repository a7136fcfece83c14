"""What every Publisher promises (`brokers.interface.Publisher`), on every server flavour."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from brokers import registry
from brokers.interface import BrokerRefused, BrokerUnavailable, Publisher, Push, Queue, RetryPolicy
from tests.support.proxy import Proxy
from tests.support.servers import Server
from tests.support.tls import CERTIFICATE, Door
from tests.support.waiting import wait_until
from tests.support.worker import ROOT


@pytest.fixture
def publisher(server: Server) -> Iterator[Publisher]:
    publisher = registry.open_publisher(server.url())
    yield publisher
    publisher.close()


QUEUE = Queue.plain("q")


def served(server: Server, key: str = "q") -> list[bytes]:
    """What a consumer would pop, in that order."""
    messages: list[bytes] = server.client.lrange(key, 0, -1)
    return messages[::-1]


def commands_of(server: Server, call: Callable[[], None]) -> int:
    """How many commands the server gets during `call`."""
    before = int(server.client.info("stats")["total_commands_processed"])
    call()
    return int(server.client.info("stats")["total_commands_processed"]) - before - 1


def test_messages_are_served_in_the_order_published(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"1"), Push("q", b"2")])
    publisher.publish([Push("q", b"3")])
    assert served(server) == [b"1", b"2", b"3"]


def test_nothing_to_publish(server: Server, publisher: Publisher) -> None:
    publisher.publish([])
    assert server.client.dbsize() == 0


def test_broadcasts_are_heard_in_order_by_all_who_listen(server: Server, publisher: Publisher) -> None:
    publisher.broadcast("celeryev", "task.sent", [b"nobody listens"])
    with server.client.pubsub() as listener:
        listener.psubscribe("/0.celeryev/*")
        listener.get_message(timeout=5)
        publisher.broadcast("celeryev", "task.sent", [b"1", b"2"])
        messages = [listener.get_message(timeout=5) for _ in range(2)]
    assert [message["data"] for message in messages] == [b"1", b"2"]
    assert messages[0]["channel"] == b"/0.celeryev/task.sent"


def test_head_is_served_next(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"1"), Push("q", b"0", head=True), Push("q", b"2")])
    publisher.publish([Push("q", b"-1", head=True)])
    assert served(server) == [b"-1", b"0", b"1", b"2"]


def test_priorities_have_lists_of_their_own(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"%d" % priority, priority) for priority in range(10)])
    assert served(server) == [b"0", b"1", b"2"]
    assert served(server, "q\x06\x163") == [b"3", b"4", b"5"]
    assert served(server, "q\x06\x166") == [b"6", b"7", b"8"]
    assert served(server, "q\x06\x169") == [b"9"]


def test_several_queues_at_once(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("a", b"1"), Push("b", b"2"), Push("a", b"3")])
    assert (served(server, "a"), served(server, "b")) == ([b"1", b"3"], [b"2"])


def test_more_than_one_round_trip_holds(server: Server, publisher: Publisher) -> None:
    messages = [b"%06d" % number + b"x" * 10_000 for number in range(500)]
    publisher.publish([Push("q", message) for message in messages])
    assert served(server) == messages


def test_a_message_of_20_megabytes(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"1"), Push("q", b"x" * 20_000_000), Push("q", b"2")])
    assert [len(message) for message in served(server)] == [1, 20_000_000, 1]


def test_one_message_is_one_command(server: Server, publisher: Publisher) -> None:
    publisher.declare(QUEUE)
    assert commands_of(server, lambda: publisher.publish([Push("q", b"1")])) == 1


def test_many_messages_are_one_command(server: Server, publisher: Publisher) -> None:
    publisher.declare(QUEUE)
    assert commands_of(server, lambda: publisher.publish([Push("q", b"1")] * 1000)) == 1


@pytest.mark.parametrize(
    "queue", [QUEUE, Queue("q", "x", "direct", "k.1"), Queue("q-1", "x", "topic", "a-b.*._.d*.#")]
)
def test_declares_as_kombu_does(server: Server, publisher: Publisher, queue: Queue) -> None:
    kombu: Any = import_module("kombu")  # half typed
    exchange = kombu.Exchange(queue.exchange, queue.exchange_type)
    with kombu.Connection(f"redis+socket://{server.socket}") as connection, connection.channel() as channel:
        kombu.Queue(queue.name, exchange, routing_key=queue.routing_key, channel=channel).declare()
    declared = {key: server.client.smembers(key) for key in server.client.keys("_kombu.binding*")}
    assert publisher.bound(queue.exchange) == [queue]
    server.client.flushall()
    publisher.declare(queue)
    assert {key: server.client.smembers(key) for key in server.client.keys("*")} == declared
    exchange = queue.exchange.encode()
    assert set(declared) == {b"_kombu.binding." + exchange, b"_kombu.binding_permanent." + exchange}


def test_what_is_bound_to_an_exchange(server: Server, publisher: Publisher) -> None:
    queues = {Queue("q", "x", "direct", "k"), Queue("r", "x", "direct", "k"), Queue("q", "x", "topic", "a.#")}
    for queue in queues:
        publisher.declare(queue)
    server.client.sadd("_kombu.binding.x", "no binding")
    assert set(publisher.bound("x")) == queues
    assert publisher.bound("y") == []


def test_the_prefix_is_on_every_key(server: Server) -> None:
    publisher = registry.open_publisher(server.url(), {"global_keyprefix": "p-"})
    publisher.declare(QUEUE)
    publisher.publish([Push("q", b"1"), Push("q", b"2", 9)])
    assert publisher.length("q") == 2
    assert set(server.client.keys("*")) == {
        b"p-q",
        b"p-q\x06\x169",
        b"p-_kombu.binding.q",
        b"p-_kombu.binding_permanent.q",
    }
    publisher.close()


def test_another_database(server: Server) -> None:
    publisher = registry.open_publisher(server.url(db=3))
    publisher.publish([Push("q", b"1")])
    publisher.close()
    assert server.client.dbsize() == 0
    with server.connect(db=3) as client:
        assert client.llen("q") == 1


def test_length_and_purge_take_all_priorities(server: Server, publisher: Publisher) -> None:
    assert publisher.purge("q") == 0
    publisher.publish([Push("q", b"m", priority) for priority in range(10)] + [Push("other", b"m")])
    assert publisher.length("q") == 10
    assert publisher.purge("q") == 10
    assert publisher.length("q") == 0
    assert publisher.length("other") == 1


def test_threads_share_a_publisher(server: Server, publisher: Publisher) -> None:
    def send(name: int) -> None:
        for number in range(100):
            publisher.publish([Push("q", b"%d:%d" % (name, number))])

    threads = [threading.Thread(target=send, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in range(8):
        mine = [message for message in served(server) if message.startswith(b"%d:" % name)]
        assert mine == [b"%d:%d" % (name, number) for number in range(100)]


def test_a_fork_shares_a_publisher(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"before")])
    child = os.fork()
    for number in range(100):
        publisher.publish([Push("q", b"%s %d" % (b"parent" if child else b"child", number))])
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(set(served(server))) == 201


GREENLETS = """
from gevent import joinall, monkey, spawn

monkey.patch_all()
import sys

from brokers import registry
from brokers.interface import Push

publisher = registry.open_publisher(sys.argv[1])


def send(name):
    for number in range(20):
        publisher.publish([Push("q", b"%d:%d" % (name, number))])


joinall([spawn(send, name) for name in range(50)], raise_error=True)
"""


def test_greenlets_share_a_publisher(server: Server) -> None:
    subprocess.run([sys.executable, "-c", GREENLETS, server.url()], check=True, cwd=ROOT)
    assert set(served(server)) == {b"%d:%d" % (name, number) for name in range(50) for number in range(20)}
    assert len(served(server)) == 1000


def test_goes_on_after_the_server_has_restarted(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"1")])
    server.restart()
    publisher.publish([Push("q", b"2")])
    assert served(server) == [b"2"]


def test_goes_on_however_often_its_connection_breaks(server: Server, publisher: Publisher) -> None:
    for number in range(30):
        publisher.publish([Push("q", b"%d" % number)])
        server.client.client_kill_filter(_type="normal", skipme=True)
    assert len(served(server)) == 30


def test_waits_for_a_server_that_is_away(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"1")])
    server.stop()
    endless = RetryPolicy(max_retries=None, interval_max=0.05)
    waiting = threading.Thread(target=publisher.publish, args=([Push("q", b"2")], endless))
    waiting.start()
    with pytest.raises(BrokerUnavailable, match=str(server.socket)):
        publisher.publish([Push("q", b"3")], RetryPolicy(max_retries=2, interval_start=0.01))
    server.start()
    waiting.join(timeout=20)
    assert served(server) == [b"2"]


def test_without_retries_a_server_that_is_away_is_an_error_at_once(
    server: Server, publisher: Publisher
) -> None:
    once = RetryPolicy(max_retries=0, interval_start=3600, interval_max=3600)
    server.stop()
    with pytest.raises(BrokerUnavailable):
        publisher.declare(QUEUE, once)
    with pytest.raises(BrokerUnavailable):
        publisher.publish([Push("q", b"1")], once)


class Meanwhile(RetryPolicy):
    """Two more tries; `act` is called before the second of them."""

    act: Callable[[], object]

    def pauses(self) -> Iterator[float]:
        yield 0.0
        self.act()
        yield 0.0


def test_a_late_answer_doubles_nothing(server: Server) -> None:
    publisher = registry.open_publisher(server.url(socket_timeout=0.3))
    policy = Meanwhile()
    policy.act = server.resume
    publisher.publish([Push("q", b"0")])  # it has a connection now, on which a paused server is asked
    server.pause()
    publisher.publish([Push("q", b"1"), Push("r", b"2"), Push("q", b"3")], policy)
    publisher.publish([Push("q", b"4")])
    wait_until(lambda: server.client.info("clients")["connected_clients"] == 2)  # its own is one of them
    publisher.close()
    assert (served(server), served(server, "r")) == ([b"0", b"1", b"3", b"4"], [b"2"])


def test_what_takes_long_to_be_sent_is_sent_once(server: Server) -> None:
    with Proxy(server) as proxy:
        publisher = registry.open_publisher(proxy.url(), {"socket_timeout": 0.7})
        publisher.publish([Push("q", b"1")])
        proxy.slow_down(1_000_000)
        publisher.publish([Push("q", b"x" * 2_000_000)])
        publisher.publish([Push("q", b"2")])
        publisher.close()
    assert server.client.llen("q") == 3


def test_a_connection_that_is_dead_without_a_word_is_replaced(server: Server) -> None:
    with Proxy(server) as proxy:
        publisher = registry.open_publisher(proxy.url(), {"socket_timeout": 0.3})
        publisher.publish([Push("q", b"1")])
        proxy.lose()
        publisher.publish([Push("q", b"2")])
        publisher.close()
    assert served(server) == [b"1", b"2"]


def test_other_errors_are_tried_again_on_demand(server: Server, publisher: Publisher) -> None:
    policy = Meanwhile(retry_errors=(BrokerRefused,))
    policy.act = lambda: server.client.delete("q")
    server.client.set("q", "no list")
    publisher.publish([Push("q", b"1")], policy)
    assert served(server) == [b"1"]


def test_can_be_used_after_close(server: Server, publisher: Publisher) -> None:
    publisher.close()
    publisher.publish([Push("q", b"1")])
    assert served(server) == [b"1"]


def test_unavailable_names_the_address(server: Server, publisher: Publisher) -> None:
    publisher.publish([Push("q", b"1")])
    server.stop()
    with pytest.raises(BrokerUnavailable, match=str(server.socket)):
        publisher.publish([Push("q", b"2")])


def test_a_silent_server_is_unavailable(server: Server) -> None:
    publisher = registry.open_publisher(server.url(socket_timeout=0.2))
    server.pause()
    with pytest.raises(BrokerUnavailable, match=r"[Tt]imed? ?out"):
        publisher.publish([Push("q", b"1")])
    publisher.close()


def test_a_full_server_is_unavailable(server: Server, publisher: Publisher) -> None:
    server.client.config_set("maxmemory", 1)
    with pytest.raises(BrokerUnavailable, match="maxmemory"):
        publisher.publish([Push("q", b"1")])
    server.client.config_set("maxmemory", 0)
    publisher.publish([Push("q", b"1")])
    assert served(server) == [b"1"]


def test_a_read_only_server_is_unavailable(server: Server, publisher: Publisher) -> None:
    server.client.replicaof("127.0.0.1", 1)
    with pytest.raises(BrokerUnavailable, match="read only"):
        publisher.publish([Push("q", b"1"), Push("r", b"2")])
    server.client.replicaof("NO", "ONE")


def test_a_wrong_password_is_refused_and_not_told(server: Server) -> None:
    server.client.config_set("requirepass", "right")
    publisher = registry.open_publisher(f"redis+socket://:wrong@{server.socket}")
    with pytest.raises(BrokerRefused, match=r"AUTH|password") as refused:
        publisher.publish([Push("q", b"1")])
    assert "wrong@" not in str(refused.value)
    publisher.close()
    server.client.config_set("requirepass", "")


def test_the_right_password_is_taken(server: Server) -> None:
    server.client.config_set("requirepass", "ri:ght/")
    publisher = registry.open_publisher(f"redis+socket://:ri%3Aght%2F@{server.socket}")
    publisher.publish([Push("q", b"1")])
    publisher.close()
    server.client.config_set("requirepass", "")
    assert served(server) == [b"1"]


def test_a_database_that_is_not_there_is_refused(server: Server) -> None:
    publisher = registry.open_publisher(server.url(db=99))
    with pytest.raises(BrokerRefused, match="range"):
        publisher.publish([Push("q", b"1")])
    publisher.close()


def test_a_queue_that_is_no_list_is_refused(server: Server, publisher: Publisher) -> None:
    server.client.set("q", "x")
    with pytest.raises(BrokerRefused, match="WRONGTYPE"):
        publisher.publish([Push("q", b"1")])


def test_over_tls(server: Server) -> None:
    with Door(server.socket) as door:
        publisher = registry.open_publisher(door.url(), {"ssl_ca_certs": str(CERTIFICATE)})
        publisher.publish([Push("q", b"1")])
        publisher.close()
    assert served(server) == [b"1"]


def test_over_tls_without_verification(server: Server) -> None:
    with Door(server.socket) as door:
        publisher = registry.open_publisher(door.url("ssl_cert_reqs=none"))
        publisher.publish([Push("q", b"1")])
        publisher.close()
    assert served(server) == [b"1"]


def test_a_certificate_that_is_not_trusted(server: Server) -> None:
    with Door(server.socket) as door:
        publisher = registry.open_publisher(door.url())
        with pytest.raises(BrokerRefused, match="certificate"):
            publisher.publish([Push("q", b"1")])
        publisher.close()
    assert served(server) == []
