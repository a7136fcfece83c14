"""What every Results promises (`brokers.interface.Results`), on every server flavour."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from brokers import registry
from brokers.interface import BrokerRefused, Results, Write
from tests.support.servers import Server
from tests.support.waiting import wait_until

KEY = "celery-task-meta-1"


@pytest.fixture
def results(server: Server) -> Iterator[Results]:
    results = registry.open_results(server.url())
    yield results
    results.close()


def document(status: str = "SUCCESS", result: object = None) -> bytes:
    return json.dumps({"status": status, "result": result}).encode()


def waiting(server: Server, key: str = KEY) -> int:
    """How many connections are subscribed to the key."""
    return int(server.client.pubsub_numsub(key)[0][1])


def connections(server: Server) -> int:
    return len(server.client.client_list())


def test_what_is_not_there(results: Results) -> None:
    assert results.get(KEY) is None
    assert results.get_many(["a", "b"]) == [None, None]
    assert results.get_many([]) == []
    assert results.delete(["a"]) == 0
    assert results.delete([]) == 0


def test_what_is_written_is_read(results: Results) -> None:
    results.write([Write("a", document(result=1), 60), Write("b", b"\x00\xff", 60)])
    assert results.get("a") == document(result=1)
    assert results.get_many(["b", "none", "a"]) == [b"\x00\xff", None, document(result=1)]
    assert results.delete(["a", "b", "none"]) == 2
    assert results.get("a") is None


def test_nothing_to_write(server: Server, results: Results) -> None:
    results.write([])
    assert server.client.dbsize() == 0


@pytest.mark.parametrize(("expires", "ttl"), [(0, -1), (60, 60), (86400, 86400)])
def test_expiry(server: Server, results: Results, expires: int, ttl: int) -> None:
    results.write([Write(KEY, document(), expires)])
    assert server.client.ttl(KEY) == ttl


def test_the_same_bytes_are_announced(server: Server, results: Results) -> None:
    with server.client.pubsub() as pubsub:
        pubsub.subscribe(KEY)
        wait_until(lambda: waiting(server))
        results.write([Write(KEY, document("STARTED"), 60)])
        announced = wait_until(lambda: pubsub.get_message(ignore_subscribe_messages=True))
        assert announced["data"] == document("STARTED")


@pytest.mark.parametrize(
    ("stored", "final"),
    [
        (document("STARTED"), False),
        (document("FAILURE"), False),
        (document("PROGRESS", {"status": "SUCCESS"}), False),
        (document("PROGRESS", 'say "status": "SUCCESS"'), False),
        (b'"SUCCESS"', False),
        (b'["SUCCESS"]', False),
        (b'{"SUCCESS"', False),
        (b"", False),
        (b'\x00celery-compressed\x00application/x-gzip\x00..."SUCCESS"', False),
        (document("SUCCESS"), True),
        (b'{"result": 1, "status":"SUCCESS"}', True),
        (b'{"status": "SUCCESS", "result": ' + b"[" * 2000 + b"]" * 2000 + b"}", True),
        (b'{"status":"SUCCESS","result":' + b"[" * 2000 + b"]" * 2000 + b"}", True),
    ],
)
def test_only_a_success_is_never_overwritten(
    server: Server, results: Results, stored: bytes, final: bool
) -> None:
    server.client.set(KEY, stored)
    results.write([Write(KEY, document("RETRY"), 60)])
    assert results.get(KEY) == (stored if final else document("RETRY"))


def test_waits_for_what_is_there(results: Results) -> None:
    results.write([Write(KEY, document(), 60)])
    assert results.wait(KEY, 0) == document()
    assert results.wait(KEY, None) == document()


def test_waits_for_what_comes(server: Server, results: Results) -> None:
    with ThreadPoolExecutor() as threads:
        waiter = threads.submit(results.wait, KEY, 10)
        wait_until(lambda: waiting(server))
        results.write([Write(KEY, document("STARTED"), 60)])
        assert waiter.result() == document("STARTED")


def test_waits_on_past_what_is_known(server: Server, results: Results) -> None:
    started = document("STARTED")
    results.write([Write(KEY, started, 60)])
    with ThreadPoolExecutor() as threads:
        waiter = threads.submit(results.wait, KEY, 10, known=started)
        wait_until(lambda: waiting(server))
        results.write([Write(KEY, document(), 60)])
        assert waiter.result() == document()


def test_one_wait_after_the_other_sees_only_its_own_key(results: Results) -> None:
    for name in "abab":
        results.write([Write(name, document(result=name), 60)])
        assert results.wait(name, 5) == document(result=name)
        with pytest.raises(TimeoutError):
            results.wait("none", 0.01)


@pytest.mark.parametrize("timeout", [0, 0.1])
def test_time_out(results: Results, timeout: float) -> None:
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=KEY):
        results.wait(KEY, timeout)
    assert timeout <= time.monotonic() - begin < timeout + 1


def test_does_not_listen_on_after_a_wait(server: Server, results: Results) -> None:
    with pytest.raises(TimeoutError):
        results.wait(KEY, 0.01)
    wait_until(lambda: not waiting(server))


def test_waits_reuse_the_connection_of_their_thread(server: Server, results: Results) -> None:
    results.write([Write(KEY, document(), 60)])
    results.wait(KEY, 5)
    before = connections(server)
    for _ in range(20):
        results.wait(KEY, 5)
    assert connections(server) == before


def test_threads_wait_at_the_same_time(server: Server, results: Results) -> None:
    with ThreadPoolExecutor(8) as threads:
        waiters = {name: threads.submit(results.wait, name, 10) for name in "abcdefgh"}
        wait_until(lambda: all(waiting(server, name) for name in waiters))
        results.write([Write(name, document(result=name), 60) for name in waiters])
        for name, waiter in waiters.items():
            assert waiter.result() == document(result=name)


def test_a_wait_survives_the_loss_of_its_connection(server: Server, results: Results) -> None:
    with ThreadPoolExecutor() as threads:
        waiter = threads.submit(results.wait, KEY, 10)
        wait_until(lambda: waiting(server))
        # What is stored in the same instant is announced to nobody.
        with server.client.pipeline() as pipeline:
            pipeline.client_kill_filter(_type="pubsub")
            pipeline.set(KEY, document())
            pipeline.execute()
        assert waiter.result() == document()


def test_a_wait_survives_a_restart(server: Server, results: Results) -> None:
    with ThreadPoolExecutor() as threads:
        waiter = threads.submit(results.wait, KEY, 10)
        wait_until(lambda: waiting(server))
        server.restart()
        wait_until(lambda: waiting(server))
        results.write([Write(KEY, document(), 60)])
        assert waiter.result() == document()


def test_a_wait_times_out_while_the_server_is_away(server: Server, results: Results) -> None:
    server.stop()
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=str(server.socket)):
        results.wait(KEY, 0.5)
    assert time.monotonic() - begin < 2


def test_a_fork_has_waits_of_its_own(server: Server, results: Results) -> None:
    results.write([Write("parent", document(result="p"), 60), Write("child", document(result="c"), 60)])
    results.wait("parent", 5)
    child = os.fork()
    name = "parent" if child else "child"
    right = all(results.wait(name, 5) == document(result=name[0]) for _ in range(50))
    if not child:
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert right


def test_threads_share_everything_else(results: Results) -> None:
    def work(name: str) -> None:
        for number in range(50):
            results.write([Write(name, document("STARTED", number), 60)])
            assert results.get(name) == document("STARTED", number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, "abcdefgh"))


def test_another_database(server: Server) -> None:
    results = registry.open_results(server.url(db=2))
    with ThreadPoolExecutor() as threads:
        waiter = threads.submit(results.wait, KEY, 10)
        wait_until(lambda: waiting(server))
        results.write([Write(KEY, document(), 60)])
        assert waiter.result() == document()
    results.close()
    assert server.client.dbsize() == 0


def test_a_write_outlasts_a_full_server(server: Server, results: Results) -> None:
    server.client.config_resetstat()
    server.client.config_set("maxmemory", 1)
    with ThreadPoolExecutor() as threads:
        writer = threads.submit(results.write, [Write(KEY, document(), 60)])
        wait_until(lambda: server.client.info("stats")["total_error_replies"])
        server.client.config_set("maxmemory", 0)
        writer.result()
    assert results.get(KEY) == document()


def test_a_write_outlasts_a_failover(server: Server, results: Results) -> None:
    server.client.config_resetstat()
    server.client.replicaof("127.0.0.1", 1)
    with ThreadPoolExecutor() as threads:
        writer = threads.submit(results.write, [Write(KEY, document(), 60)])
        wait_until(lambda: server.client.info("stats")["total_error_replies"])
        server.client.replicaof("NO", "ONE")
        writer.result()
    assert results.get(KEY) == document()


def test_a_wrong_type_is_refused(server: Server, results: Results) -> None:
    server.client.lpush(KEY, "x")
    with pytest.raises(BrokerRefused, match="WRONGTYPE"):
        results.get(KEY)
