"""What every Consumer promises (`brokers.interface.Consumer`): messages in, their ends out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from brokers.envelope import build
from brokers.interface import BrokerRefused, BrokerUnavailable, Delivery, Push, Settlement, Write
from brokers.redis.address import parse
from brokers.redis.consumer import RedisConsumer
from brokers.redis.held import HOLDS
from tests.support.consumers import Driven
from tests.support.servers import Server
from tests.support.tls import CERTIFICATE, Door
from tests.support.waiting import wait_until


@pytest.fixture
def driven(server: Server) -> Iterator[Driven]:
    with Driven(RedisConsumer(parse(server.url()), ["a", "b"], node="w@test")) as driven:
        yield driven


def messages(deliveries: list[Delivery]) -> list[bytes]:
    return [delivery.message for delivery in deliveries]


def put(server: Server, key: str, *names: str) -> None:
    """Publish: the first one is the next to be taken."""
    server.client.lpush(key, *names)


def envelope(name: str, priority: int = 0) -> bytes:
    return build(b"[[], {}, {}]", {"task": "t", "id": name}, {"priority": priority, "delivery_info": {}})


# Taking ------------------------------------------------------------------------------------------


def test_takes_in_the_order_published(server: Server, driven: Driven) -> None:
    put(server, "a", "1", "2", "3")
    assert messages(driven.take(2)) == [b"1", b"2"]
    assert messages(driven.take(2)) == [b"3"]
    assert driven.take() == []


def test_tags_begin_with_the_incarnation_and_are_unique(server: Server, driven: Driven) -> None:
    put(server, "a", *"123")
    put(server, "b", *"456")
    tags = [delivery.tag for delivery in [*driven.take(2), *driven.take(2), *driven.take(2)]]
    assert len(set(tags)) == 6
    assert {tag.partition(".")[0] for tag in tags} == {driven.consumer.incarnation}


def test_priority_goes_before_the_order_of_queues(server: Server, driven: Driven) -> None:
    for key in ("a\x06\x169", "b", "b\x06\x163", "a\x06\x163", "a", "b\x06\x166"):
        put(server, key, key)
    taken = [(delivery.queue, delivery.message) for delivery in driven.take()]
    assert taken == [
        ("a", b"a"),
        ("b", b"b"),
        ("a", b"a\x06\x163"),
        ("b", b"b\x06\x163"),
        ("b", b"b\x06\x166"),
        ("a", b"a\x06\x169"),
    ]


def test_queues_take_turns(server: Server, driven: Driven) -> None:
    put(server, "a", "a1", "a2", "a3")
    put(server, "b", "b1", "b2")
    taken = [messages(driven.take(1))[0] for _ in range(5)]
    assert taken == [b"a1", b"b1", b"a2", b"b2", b"a3"]


def test_strategy_priority_keeps_the_order_of_queues(server: Server) -> None:
    address = parse(server.url(queue_order_strategy="priority"))
    with Driven(RedisConsumer(address, ["b", "a"], node="w@test")) as driven:
        put(server, "a", "a1")
        put(server, "b", "b1", "b2")
        assert [messages(driven.take(1))[0] for _ in range(3)] == [b"b1", b"b2", b"a1"]


def test_a_taken_message_stands_in_unacked_as_celery_reads_it(server: Server, driven: Driven) -> None:
    message = envelope("1")
    before = time.time()
    server.client.lpush("a", message)
    [delivery] = driven.take()
    [(tag, stored)] = server.client.hgetall("unacked").items()
    assert tag.decode() == delivery.tag
    assert orjson.loads(stored) == [orjson.loads(message), "", "a"]
    assert before - 1 < server.client.zscore("unacked_index", tag) < time.time() + 1


@pytest.mark.parametrize("queue", ['quo"te', 'in,"","side', "snow☃man", "back\\slash"])
def test_names_of_queues_are_escaped(server: Server, queue: str) -> None:
    with Driven(RedisConsumer(parse(server.url()), [queue], node="w@test")) as driven:
        server.client.lpush(queue, envelope("1"))
        assert driven.take()[0].queue == queue
        [stored] = server.client.hvals("unacked")
        assert orjson.loads(stored)[2] == queue


@pytest.mark.parametrize("message", [b"", b"not json", b'["x","","y"]', b"\xff\x00\r\n", b"x" * 5_000_000])
def test_messages_are_bytes(server: Server, driven: Driven, message: bytes) -> None:
    server.client.lpush("a", message)
    assert messages(driven.take()) == [message]


def test_many_at_once(server: Server, driven: Driven) -> None:
    names = [str(number) for number in range(2500)]
    put(server, "a", *names)
    taken = driven.take_all(2500)
    assert messages(taken) == [name.encode() for name in names]
    assert server.client.hlen("unacked") == server.client.zcard("unacked_index") == 2500
    driven.settle(*(Settlement(delivery.tag) for delivery in taken))
    assert server.client.exists("unacked", "unacked_index") == 0


def test_a_take_of_big_messages_ends_early(server: Server, driven: Driven) -> None:
    """Of new ones, and of held ones: their bytes hold the server."""
    sizes = [1000] * 20 + [300_000] * 40
    for number, size in enumerate(sizes):
        server.client.lpush("a", b"%02d" % number * (size // 2))

    def take_all_in_turn() -> list[Delivery]:
        taken: list[Delivery] = []
        while len(taken) < len(sizes):
            one = driven.take(1000)
            assert sum(len(delivery.message) for delivery in one) < 2_000_000
            taken += one
        return taken

    taken = take_all_in_turn()
    assert [message[:2] for message in messages(taken)] == [b"%02d" % number for number in range(60)]
    driven.hold(*((delivery.tag, time.time() + number / 100) for number, delivery in enumerate(taken)))
    assert take_all_in_turn() == [delivery._replace(held=True) for delivery in taken]


def test_one_take_at_a_time(driven: Driven) -> None:
    driven.consumer.take(1)
    with pytest.raises(RuntimeError):
        driven.consumer.take(1)


def test_a_queue_that_is_no_list_does_not_stop_the_others(server: Server, driven: Driven) -> None:
    server.client.set("a", "x")
    put(server, "b", "1")
    assert messages(driven.take()) == [b"1"]
    assert "queue a: WRONGTYPE" in driven.refused[0]
    assert driven.problems == []


def test_global_prefix(server: Server) -> None:
    address = parse(server.url(global_keyprefix="pfx-"))
    with Driven(RedisConsumer(address, ["a"], node="w@test")) as driven:
        put(server, "pfx-a", "1", "2")
        first, second = driven.take()
        driven.settle(
            Settlement(first.tag, dead=("a", b"entry"), pushes=[Push("a", b"again", 9)]),
            Settlement(second.tag, [Write("k", b"doc", 0)]),
        )
        driven.take()
        driven.hold((driven.deliveries[-1].tag, time.time() + 60))
        # A result's key is complete as it is given.
        names = {key for key in server.client.scan_iter() if not key.startswith(b"pfx-")}
        assert names == {b"k"}
        assert server.client.lrange("pfx-runtime.dead.a", 0, -1) == [b"entry"]
    assert server.client.keys("*runtime.[^d]*") == []


# Waiting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["a", "b", "a\x06\x163", "b\x06\x169"])
def test_wakes_within_100_ms_of_a_push(server: Server, driven: Driven, key: str) -> None:
    for _ in range(3):
        assert driven.take() == []
        driven.awakened = 0
        put(server, key, "1")
        driven.until(lambda: driven.awakened, timeout=0.1)
        assert messages(driven.take()) == [b"1"]


@pytest.mark.parametrize("key", ["a", "b\x06\x163"])
def test_takes_by_itself_what_is_expected(server: Server, driven: Driven, key: str) -> None:
    assert driven.take() == []
    driven.awakened = 0
    driven.consumer.expect(2)
    put(server, key, "1", "2", "3")
    driven.until(lambda: driven.deliveries)
    assert messages(driven.deliveries) == [b"1", b"2"]
    assert (driven.taking, driven.awakened) == (1, 0)
    # Only once: what comes then is told as ever.
    assert messages(driven.take()) == [b"3"]
    put(server, key, "4")
    driven.until(lambda: driven.awakened)
    assert len(driven.deliveries) == 3


def test_what_is_not_expected_any_more_is_not_taken(server: Server, driven: Driven) -> None:
    assert driven.take() == []
    driven.consumer.expect(2)
    driven.consumer.expect(0)
    put(server, "a", "1")
    driven.until(lambda: driven.awakened)
    assert (driven.taking, server.client.llen("a")) == (0, 1)


def test_wakes_for_what_it_pushes_itself(server: Server, driven: Driven) -> None:
    put(server, "a", "1")
    [delivery] = driven.take()
    assert driven.take() == []
    driven.awakened = 0
    driven.settle(Settlement(delivery.tag, pushes=[Push("b", b"2")]))
    assert driven.awakened
    assert messages(driven.take()) == [b"2"]


def test_is_not_woken_by_other_keys(server: Server, driven: Driven) -> None:
    put(server, "a", "1")
    [delivery] = driven.take()
    driven.settle(Settlement(delivery.tag, [Write("k", b"doc", 10)]))
    driven.hold(("x", time.time() - 1))
    driven.take()
    driven.awakened = 0
    put(server, "other", "1")
    server.client.set("k", "x")
    server.client.hset("unacked", "x", "y")
    put(server, "a", "2")
    driven.until(lambda: driven.awakened)
    assert driven.awakened == 1


def test_an_idle_consumer_sends_two_commands_a_second_at_most(server: Server, driven: Driven) -> None:
    driven.take()

    def calls() -> int:
        stats = server.client.info("commandstats")
        return sum(stats[name]["calls"] for name in stats if name in ("cmdstat_evalsha", "cmdstat_ping"))

    before, begun = calls(), time.monotonic()
    next_take = begun
    while (now := time.monotonic()) < begun + 4:
        if now >= next_take:
            driven.take()
            next_take = now + 1
        driven.turn(next_take - now)
    assert calls() - before <= 8
    assert len([each for each in server.client.client_list() if each["name"] == ""]) <= 2


# Settling ----------------------------------------------------------------------------------------


def test_settled_messages_leave_unacked(server: Server, driven: Driven) -> None:
    put(server, "a", *"123")
    first, second, third = driven.take()
    driven.settle(Settlement(first.tag), Settlement(third.tag))
    assert driven.settled == 2
    assert server.client.hkeys("unacked") == [second.tag.encode()]
    assert server.client.zrange("unacked_index", 0, -1) == [second.tag.encode()]


def test_what_is_not_ours_any_more_is_fenced(server: Server, driven: Driven) -> None:
    put(server, "a", *"1234")
    tags = [delivery.tag for delivery in driven.take()]
    server.client.hdel("unacked", *tags[1:3])
    server.client.zrem("unacked_index", *tags[1:3])
    with_effects = Settlement(tags[2], [Write("k", b"doc", 0)], [Push("q", b"m")], ("a", b"entry"))
    driven.settle(Settlement(tags[0]), Settlement(tags[1]), with_effects, Settlement(tags[3]))
    assert sorted(driven.fenced) == sorted(tags[1:3])
    assert driven.settled == 4
    assert server.client.exists("unacked", "unacked_index", "k", "q", "runtime.dead.a") == 0


def test_a_result_is_stored_and_announced_in_the_same_step(server: Server, driven: Driven) -> None:
    put(server, "a", *"12")
    first, second = driven.take()
    with server.client.pubsub() as subscriber:
        subscriber.subscribe("k1", "k2")
        for _ in range(2):
            wait_until(lambda: subscriber.get_message(timeout=1))
        driven.settle(
            Settlement(first.tag, [Write("k1", b'{"status": "SUCCESS"}', 100)]),
            Settlement(second.tag, [Write("k2", b"\xffdoc", 0)]),
        )
        heard = [wait_until(lambda: subscriber.get_message(True, timeout=1)) for _ in range(2)]
    assert [(each["channel"], each["data"]) for each in heard] == [
        (b"k1", b'{"status": "SUCCESS"}'),
        (b"k2", b"\xffdoc"),
    ]
    assert server.client.mget("k1", "k2") == [b'{"status": "SUCCESS"}', b"\xffdoc"]
    assert 90 < server.client.ttl("k1") <= 100
    assert server.client.ttl("k2") == -1


@pytest.mark.parametrize("success", [b'{"status": "SUCCESS", "result": 1}', b'{"status":"SUCCESS"}'])
def test_a_success_is_never_overwritten(server: Server, driven: Driven, success: bytes) -> None:
    driven.settle(Settlement("", [Write("k", success, 50)]))
    driven.settle(Settlement("", [Write("k", b'{"status": "FAILURE"}', 100)]))
    assert server.client.get("k") == success
    driven.settle(Settlement("", [Write("other", b'{"status": "FAILURE"}', 100)]))
    driven.settle(Settlement("", [Write("other", success, 100)]))
    assert server.client.get("other") == success


@pytest.mark.parametrize("place", ["the broker", "another server"])
def test_a_document_may_be_written_only_over_certain_states(server: Server, place: str) -> None:
    results = parse(server.url())
    if place == "another server":
        alias = server.directory / "alias"
        alias.unlink(missing_ok=True)
        alias.symlink_to(server.socket)
        results = replace(results, path=str(alias))
    states = {"a": None, "b": "PENDING", "c": "RETRY", "d": "STARTED", "e": "SUCCESS", "f": "FAILURE"}
    for key, state in states.items():
        if state:
            server.client.set(key, f'{{"status": "{state}", "result": 1}}')
    server.client.set("g", "no document")
    revoked = b'{"status":"REVOKED"}'
    with Driven(RedisConsumer(parse(server.url()), ["q"], node="w@test", results=results)) as driven:
        writes = [Write(key, revoked, 100, ("PENDING", "RETRY")) for key in [*states, "g"]]
        driven.settle(Settlement("", writes))
        assert driven.refused == []
    assert [key for key in [*states, "g"] if server.client.get(key) == revoked] == ["a", "b", "c"]


def test_results_in_another_database(server: Server) -> None:
    consumer = RedisConsumer(parse(server.url(2)), ["a"], node="w@test", results=parse(server.url(5)))
    with Driven(consumer) as driven, server.connect(2) as broker, server.connect(5) as results:
        broker.lpush("a", "1")
        [delivery] = driven.take()
        driven.settle(
            Settlement(delivery.tag, [Write("k", b"doc", 9)], [Push("next", b"2")], ("a", b"entry"))
        )
        assert results.keys() == [b"k"]
        assert broker.lrange("next", 0, -1) == [b"2"]
        assert broker.exists("unacked", "unacked_index") == 0
        assert server.client.dbsize() == 0


def test_results_that_are_refused_keep_nothing_else_from_happening(server: Server) -> None:
    consumer = RedisConsumer(parse(server.url()), ["a"], node="w@test", results=parse(server.url(99)))
    with Driven(consumer) as driven:
        server.client.lpush("a", "1")
        [delivery] = driven.take()
        driven.settle(Settlement(delivery.tag, [Write("k", b"doc", 9)], [Push("next", b"2")]))
        assert server.client.lrange("next", 0, -1) == [b"2"]
        assert (driven.fenced, driven.problems) == ([], [])
        assert "99" in driven.refused[0]


def test_a_user_without_channels_settles_all_the_same(server: Server) -> None:
    server.client.execute_command("ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+@all", "resetchannels")
    address = replace(parse(server.url()), username="narrow", password="secret")
    with Driven(RedisConsumer(address, ["a"], node="w@test")) as driven:
        server.client.lpush("a", "1")
        [delivery] = driven.take()
        driven.settle(Settlement(delivery.tag, [Write("k", b"doc", 9)], [Push("next", b"2")]))
        assert server.client.get("k") == b"doc"
        assert server.client.lrange("next", 0, -1) == [b"2"]
        assert (driven.fenced, driven.problems) == ([], [])


def test_pushes_go_to_the_list_of_their_priority(server: Server, driven: Driven) -> None:
    put(server, "b", "waiting")
    pushes = [Push("b", b"tail"), Push("b", b"head", 1, head=True), Push("b", b"low", 7)]
    driven.settle(Settlement("", pushes=pushes))
    assert server.client.lrange("b", 0, -1)[::-1] == [b"head", b"waiting", b"tail"]
    assert server.client.lrange("b\x06\x166", 0, -1) == [b"low"]


def test_dead_letters_are_kept_up_to_a_bound(server: Server, driven: Driven) -> None:
    server.client.rpush("runtime.dead.a", *range(10_000))
    put(server, "a", "1")
    [delivery] = driven.take()
    driven.settle(Settlement(delivery.tag, dead=("a", b"the newest")))
    assert server.client.llen("runtime.dead.a") == 10_000
    assert server.client.lindex("runtime.dead.a", 0) == b"the newest"


def test_an_effect_that_the_server_refuses_does_not_stop_the_others(server: Server, driven: Driven) -> None:
    server.client.set("text", "x")
    server.client.hset("hash", "x", "y")
    put(server, "a", *"12")
    first, second = driven.take()
    driven.settle(
        Settlement(first.tag, [Write("hash", b"doc", 0), Write("k", b"doc", 0)], [Push("text", b"m")]),
        Settlement(second.tag, pushes=[Push("q", b"m")]),
    )
    assert [text.partition(": ")[0] for text in driven.refused] == ["result hash", "list text"]
    assert (server.client.get("k"), server.client.llen("q")) == (b"doc", 1)
    assert driven.problems == []


def test_big_batches_are_split(server: Server, driven: Driven) -> None:
    document = b"x" * 300_000
    driven.settle(*(Settlement("", [Write(f"k{number}", document, 0)]) for number in range(20)))
    assert len(server.client.keys("k*")) == 20
    assert driven.settled == 20


# Holding -----------------------------------------------------------------------------------------


def test_held_messages_come_back_when_they_are_near(server: Server, driven: Driven) -> None:
    put(server, "a", *"123")
    first, second, third = driven.take()
    driven.hold((first.tag, time.time() + 3600), (second.tag, time.time() + 2), (third.tag, time.time() - 1))
    assert server.client.hlen("unacked") == 3
    assert driven.take() == [third._replace(held=True)]
    driven.until(driven.take, timeout=3)
    assert driven.deliveries[-1] == second._replace(held=True)
    driven.settle(Settlement(second.tag), Settlement(third.tag))
    assert driven.fenced == []
    assert server.client.hkeys("unacked") == [first.tag.encode()]


def test_held_messages_do_not_exceed_the_limit(server: Server, driven: Driven) -> None:
    put(server, "a", *"1234")
    due = time.time() - 1
    driven.hold(*((delivery.tag, due) for delivery in driven.take(3)))
    assert [delivery.held for delivery in driven.take(2)] == [True, True]
    assert [delivery.held for delivery in driven.take(2)] == [True, False]


def test_many_held(server: Server, driven: Driven) -> None:
    names = [str(number) for number in range(1500)]
    put(server, "a", *names)
    taken = driven.take_all(1500)
    driven.hold(*((delivery.tag, time.time() + 3600) for delivery in taken))
    assert server.client.zcard(f"runtime.eta.{driven.consumer.incarnation}") == 1500


def test_what_is_held_comes_back_in_its_order_when_it_is_roused(server: Server, driven: Driven) -> None:
    put(server, "a", *map(str, range(12)))
    soon = time.time() + 3600
    tags = [delivery.tag for delivery in driven.take()]
    driven.hold(*((tag, soon + number / 1000) for number, tag in enumerate(tags)))
    driven.awakened = 0
    driven.consumer.rouse()
    driven.until(lambda: driven.awakened)
    assert [delivery.tag for delivery in (*driven.take(10), *driven.take())] == tags
    driven.consumer.rouse()  # there is nothing left
    driven.hold((tags[0], soon))
    assert driven.take() == []


def test_very_much_that_is_held_is_roused_in_many_steps_and_across_a_break(
    server: Server, driven: Driven
) -> None:
    count = 2 * HOLDS + 10
    put(server, "a", *map(str, range(count)))
    soon = time.time() + 3600
    tags = [delivery.tag for delivery in driven.take_all(count)]
    # Many are due at the same time.
    driven.hold(*((tag, soon + number // 700) for number, tag in enumerate(tags)))
    held = f"runtime.eta.{driven.consumer.incarnation}"

    def roused() -> int:
        return int(server.client.zcount(held, "-inf", soon - 1))

    driven.consumer.rouse()
    wait_until(roused)
    assert roused() == HOLDS
    server.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    driven.until(lambda: driven.connected == 2 and roused() == count)
    assert {delivery.tag for delivery in driven.take_all(count)} == set(tags)


# The end -----------------------------------------------------------------------------------------


def test_closing_gives_back_what_is_held_unmarked_and_in_order(server: Server) -> None:
    envelopes = [envelope(str(number), priority) for number, priority in enumerate((0, 0, 0, 5))]
    with Driven(RedisConsumer(parse(server.url()), ["a"], node="w@test")) as driven:
        server.client.lpush("a", *envelopes[:3])
        server.client.lpush("a\x06\x163", envelopes[3])
        driven.hold(*((delivery.tag, time.time() + 3600) for delivery in driven.take()))
        put(server, "a", "later")
    assert server.client.lrange("a", 0, -1)[::-1] == [*envelopes[:3], b"later"]
    assert server.client.lrange("a\x06\x163", 0, -1) == [envelopes[3]]
    assert sorted(server.client.keys()) == [b"a", b"a\x06\x163"]


def test_closing_gives_back_what_an_unanswered_take_brings(server: Server) -> None:
    with Driven(RedisConsumer(parse(server.url()), ["a"], node="w@test")) as driven:
        put(server, "a", *"123")
        driven.consumer.take(2)
    assert server.client.lrange("a", 0, -1)[::-1] == [b"1", b"2", b"3"]
    assert server.client.keys() == [b"a"]


# Connecting --------------------------------------------------------------------------------------


def test_no_server() -> None:
    consumer = RedisConsumer(parse("redis+socket:///nowhere/s"), ["a"], node="w@test")
    with pytest.raises(BrokerUnavailable, match="/nowhere/s"):
        consumer.connect(1)
    consumer.close(0)


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
    ],
)
def test_a_server_that_takes_no_writes_may_take_them_soon(server: Server, broken: str, mended: str) -> None:
    """A master that has just been demoted, say. A worker that is refused would end."""
    server.client.execute_command(*broken.split())
    consumer = RedisConsumer(parse(server.url()), ["a"], node="w@test")
    try:
        with pytest.raises(BrokerUnavailable, match=r"READONLY|NOREPLICAS"):
            consumer.connect(1)
    finally:
        server.client.execute_command(*mended.split())
        consumer.close(0)


def test_a_wrong_password_is_refused(server: Server) -> None:
    server.client.config_set("requirepass", "right")
    try:
        for url in (server.url(), server.url().replace("://", "://user:wrong@")):
            consumer = RedisConsumer(parse(f"{url}"), ["a"], node="w@test")
            with pytest.raises(BrokerRefused):
                consumer.connect(1)
            consumer.close(0)
    finally:
        server.client.config_set("requirepass", "")


def test_a_database_that_is_not_there_is_refused(server: Server) -> None:
    consumer = RedisConsumer(parse(server.url(99)), ["a"], node="w@test")
    with pytest.raises(BrokerRefused, match="range"):
        consumer.connect(1)
    consumer.close(0)


def test_a_connection_bears_the_clients_name(server: Server) -> None:
    consumer = RedisConsumer(parse(server.url(), {"client_name": "shop"}), ["a"], node="w@test")
    with Driven(consumer):
        assert "shop" in [client["name"] for client in server.client.client_list()]


def test_a_silent_server_is_unavailable(server: Server) -> None:
    server.pause()
    consumer = RedisConsumer(parse(server.url()), ["a"], node="w@test")
    with pytest.raises(BrokerUnavailable, match="timed out"):
        consumer.connect(0.2)
    consumer.close(0)


def test_over_tls(server: Server) -> None:
    with Door(server.socket) as door:
        address = parse(door.url(), {"ssl_ca_certs": str(CERTIFICATE)})
        with Driven(RedisConsumer(address, ["a"], node="w@test")) as driven:
            assert driven.take() == []
            put(server, "a", "1", "x" * 3_000_000)
            driven.until(lambda: driven.awakened > 1)
            first, second = driven.take()
            assert len(second.message) == 3_000_000
            driven.settle(Settlement(first.tag), Settlement(second.tag, pushes=[Push("q", second.message)]))
        assert server.client.lindex("q", 0) == second.message


def test_a_certificate_that_is_not_trusted_is_refused(server: Server) -> None:
    with Door(server.socket) as door:
        consumer = RedisConsumer(parse(door.url()), ["a"], node="w@test")
        with pytest.raises(BrokerRefused, match="certificate"):
            consumer.connect(1)
        consumer.close(0)
