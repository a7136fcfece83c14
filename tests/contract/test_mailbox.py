"""What every Mailbox and every Caller promises (`brokers.interface`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from brokers.interface import Binding, Broadcast, BrokerUnavailable
from brokers.redis.address import parse
from brokers.redis.caller import RedisCaller
from brokers.redis.mailbox import KEPT, MOST_HEARD, RedisMailbox
from tests.support.mailboxes import DrivenMailbox
from tests.support.servers import Server

CONTROL = Binding("celery.pidbox", "", "w@test.celery.pidbox")
EVENTS = Binding("celeryev", "worker.#", "celeryev.1")


@pytest.fixture
def mailbox(server: Server) -> Iterator[DrivenMailbox]:
    with opened(server) as driven:
        yield driven


def opened(server: Server, *bindings: Binding, **options: object) -> DrivenMailbox:
    return DrivenMailbox(RedisMailbox(parse(server.url(), options), bindings or (CONTROL, EVENTS)))


def say(mailbox: DrivenMailbox, *messages: bytes) -> None:
    """To itself."""
    for message in messages:
        mailbox.mailbox.broadcast("celery.pidbox", "", message)


def heard(mailbox: DrivenMailbox) -> list[bytes]:
    return [broadcast.message for broadcast in mailbox.broadcasts]


def test_what_is_broadcast_is_heard_by_all_in_order(server: Server, mailbox: DrivenMailbox) -> None:
    with opened(server) as other:
        say(other, b"1", b"2")
        mailbox.until(lambda: len(mailbox.broadcasts) == 2)
        other.until(lambda: len(other.broadcasts) == 2)
        assert mailbox.broadcasts == [Broadcast("celery.pidbox", b"1"), Broadcast("celery.pidbox", b"2")]
        assert other.broadcasts == mailbox.broadcasts


def test_channels_are_named_as_celerys(server: Server, mailbox: DrivenMailbox) -> None:
    assert server.client.publish("/0.celery.pidbox", "a command") == 1
    assert server.client.publish("/0.celeryev/worker.online", "an event") == 1
    assert server.client.publish("/0.celeryev/task.sent", "not wanted") == 0
    mailbox.until(lambda: len(mailbox.broadcasts) == 2)
    assert mailbox.broadcasts == [
        Broadcast("celery.pidbox", b"a command"),
        Broadcast("celeryev", b"an event"),
    ]


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        ({"global_keyprefix": "p*[x]?-"}, ("p*[x]?-/0.celery.pidbox", "p*[x]?-/0.celeryev/worker.online")),
        ({"fanout_prefix": False}, ("celery.pidbox", "celeryev/worker.online")),
        ({"fanout_prefix": "/{db}/f."}, ("/0/f.celery.pidbox", "/0/f.celeryev/worker.online")),
        ({"fanout_patterns": False}, ("/0.celery.pidbox", "/0.celeryev")),
    ],
)
def test_options_name_the_channels(
    server: Server, options: dict[str, object], channels: tuple[str, ...]
) -> None:
    with opened(server, **options) as mailbox:
        for channel in channels:
            assert server.client.publish(channel, channel) == 1
        say(mailbox, b"own")
        mailbox.until(lambda: len(mailbox.broadcasts) == 3)
        assert heard(mailbox) == [*(channel.encode() for channel in channels), b"own"]


def test_who_listens_can_be_seen_until_it_closes(server: Server) -> None:
    keys = ("_kombu.binding.celery.pidbox", "_kombu.binding.celeryev")
    with opened(server) as mailbox:
        mailbox.until(lambda: server.client.exists(*keys) == 2)
        assert server.client.smembers(keys[0]) == {b"\x06\x16\x06\x16w@test.celery.pidbox"}
        assert server.client.smembers(keys[1]) == {b"worker.#\x06\x16\x06\x16celeryev.1"}
    assert server.client.keys() == []


def test_a_reply_goes_to_every_queue_with_its_key_and_to_no_other(
    server: Server, mailbox: DrivenMailbox
) -> None:
    server.client.sadd(
        "_kombu.binding.reply", "k\x06\x16\x06\x16q1", "k\x06\x16^k$\x06\x16q2", "k2\x06\x16\x06\x16q3"
    )
    mailbox.mailbox.reply("reply", "k", b"yes")
    mailbox.mailbox.reply("reply", "nobody", b"no")
    mailbox.until(lambda: server.client.exists("q1", "q2") == 2)
    assert server.client.lrange("q1", 0, -1) == server.client.lrange("q2", 0, -1) == [b"yes"]
    assert 0 < server.client.pttl("q1") <= 60_000
    assert not server.client.exists("q3")


def test_after_a_break_it_hears_again_and_says_what_it_has_kept(
    server: Server, mailbox: DrivenMailbox
) -> None:
    server.stop()
    mailbox.until(lambda: mailbox.problems)
    say(mailbox, b"kept")
    server.start()
    mailbox.until(lambda: mailbox.connected == 2 and mailbox.broadcasts)
    assert heard(mailbox) == [b"kept"]
    assert server.client.smembers("_kombu.binding.celery.pidbox")


def test_what_waits_for_the_server_is_bounded_and_what_is_dropped_is_counted(
    server: Server, mailbox: DrivenMailbox
) -> None:
    server.stop()
    mailbox.until(lambda: mailbox.problems)
    size = KEPT // 10
    say(mailbox, *(bytes([number]) * size for number in range(15)))
    mailbox.until(lambda: mailbox.unsaid)
    server.start()
    mailbox.until(lambda: mailbox.connected == 2)
    say(mailbox, b"later")
    mailbox.until(lambda: b"later" in heard(mailbox))
    assert mailbox.unsaid == 6
    assert [message[0] for message in heard(mailbox)] == [*range(9), b"l"[0]]


def test_a_server_that_does_not_answer_fills_no_memory(server: Server, mailbox: DrivenMailbox) -> None:
    server.pause()
    say(mailbox, *(bytes(KEPT // 10) for _ in range(30)))
    mailbox.turn()
    assert mailbox.unsaid == 21


def test_what_is_bound_later_is_heard_too_also_after_a_break_until_it_is_unbound(server: Server) -> None:
    with opened(server, CONTROL) as mailbox:
        mailbox.mailbox.bind(EVENTS)
        mailbox.until(lambda: server.client.publish("/0.celeryev/worker.online", "1"))
        mailbox.until(lambda: heard(mailbox) == [b"1"])
        server.stop()
        mailbox.until(lambda: mailbox.problems)
        server.start()
        mailbox.until(lambda: mailbox.connected == 2)
        assert server.client.publish("/0.celeryev/worker.online", "2") == 1
        mailbox.until(lambda: heard(mailbox) == [b"1", b"2"])
        mailbox.mailbox.unbind(EVENTS)
        mailbox.until(lambda: not server.client.publish("/0.celeryev/worker.online", "3"))
        assert not server.client.exists("_kombu.binding.celeryev")
        say(mailbox, b"4")
        mailbox.until(lambda: heard(mailbox)[-1:] == [b"4"])


def test_what_is_bound_while_it_connects_is_heard(server: Server) -> None:
    mailbox = DrivenMailbox(RedisMailbox(parse(server.url()), ()))
    mailbox.turn()
    mailbox.mailbox.bind(EVENTS)
    with mailbox:
        mailbox.until(lambda: server.client.publish("/0.celeryev/worker.online", "1"))
        mailbox.until(lambda: heard(mailbox) == [b"1"])


def test_replies_that_are_expected_are_collected_and_nothing_is_left(
    server: Server, mailbox: DrivenMailbox
) -> None:
    mailbox.mailbox.expect("reply.celery.pidbox", "me")
    mailbox.mailbox.collect()
    with opened(server) as other:
        mailbox.until(lambda: server.client.exists("_kombu.binding.reply.celery.pidbox"))
        for message in (b"1", b"2"):
            other.mailbox.reply("reply.celery.pidbox", "me", message)
        other.until(lambda: server.client.llen("me.reply.celery.pidbox") == 2)
        mailbox.mailbox.collect()
        mailbox.until(lambda: mailbox.collected == [b"1", b"2"])
        other.mailbox.reply("reply.celery.pidbox", "me", b"too late")
        other.until(lambda: server.client.llen("me.reply.celery.pidbox"))
    mailbox.mailbox.expect_no_more()
    mailbox.until(lambda: not server.client.keys("*reply*"))
    assert mailbox.refused == []


def test_how_much_may_be_said_is_known(server: Server, mailbox: DrivenMailbox) -> None:
    mailbox.until(lambda: mailbox.mailbox.room() == KEPT)
    server.pause()
    say(mailbox, bytes(KEPT // 2))
    assert KEPT // 2 - 100 < mailbox.mailbox.room() < KEPT // 2
    server.resume()
    mailbox.until(lambda: mailbox.mailbox.room() == KEPT)


def test_a_flood_is_cut_and_counted(server: Server, mailbox: DrivenMailbox) -> None:
    flood = server.client.pipeline(transaction=True)
    for _ in range(MOST_HEARD + 500):
        flood.publish("/0.celery.pidbox", "x")
    flood.execute()
    mailbox.until(lambda: len(mailbox.broadcasts) + mailbox.unheard == MOST_HEARD + 500)
    assert mailbox.unheard <= 500


def test_it_hears_and_replies_refused_while_the_server_is_out_of_memory(server: Server) -> None:
    server.client.sadd("_kombu.binding.reply", "k\x06\x16\x06\x16q1")
    server.client.config_set("maxmemory", "1")
    try:
        with opened(server) as mailbox:
            say(mailbox, b"heard")
            mailbox.mailbox.reply("reply", "k", b"refused")
            mailbox.until(lambda: mailbox.broadcasts and len(mailbox.refused) >= 3)
            assert all("OOM" in reason for reason in mailbox.refused)
            assert mailbox.problems == []
    finally:
        server.client.config_set("maxmemory", "0")


def test_a_channel_that_it_may_not_hear_costs_it_no_other(server: Server) -> None:
    rights = ("on", ">x", "~*", "+@all", "resetchannels", "&/0.celery.pidbox")
    server.client.execute_command("ACL", "SETUSER", "w", *rights)
    address = parse(server.url().replace("://", "://w:x@"))
    with DrivenMailbox(RedisMailbox(address, [CONTROL])) as mailbox:
        mailbox.mailbox.bind(EVENTS)
        mailbox.until(lambda: mailbox.refused)
        server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        mailbox.until(lambda: mailbox.connected == 2)
        server.client.publish("/0.celery.pidbox", b"told")
        mailbox.until(lambda: heard(mailbox) == [b"told"])
        assert all("NOPERM" in text for text in mailbox.refused)
        assert len(mailbox.problems) == 1
    server.client.execute_command("ACL", "DELUSER", "w")


def test_an_idle_one_only_checks_its_connection_now_and_then(server: Server) -> None:
    with opened(server, CONTROL, health_check_interval=0.1) as mailbox:
        mailbox.until(lambda: "cmdstat_ping" in server.client.info("commandstats"))
    with opened(server, CONTROL) as mailbox:
        mailbox.until(lambda: server.client.exists("_kombu.binding.celery.pidbox"))
        server.client.config_resetstat()
        mailbox.turn(0.2)
        asked = server.client.info("commandstats").keys()
        assert not asked & {"cmdstat_ping", "cmdstat_sadd", "cmdstat_publish"}


# Asking ------------------------------------------------------------------------------------------------


def test_who_asks_gets_the_replies_that_are_for_it(server: Server, mailbox: DrivenMailbox) -> None:
    with (
        closing(RedisCaller(parse(server.url()))) as caller,
        closing(RedisCaller(parse(server.url()))) as other,
    ):
        caller.bind("reply.celery.pidbox", "me")
        other.bind("reply.celery.pidbox", "you")
        assert caller.broadcast("celery.pidbox", b"who?") == 1
        mailbox.until(lambda: mailbox.broadcasts)
        for message in (b"1", b"2"):
            mailbox.mailbox.reply("reply.celery.pidbox", "me", message)
        mailbox.until(lambda: server.client.llen("me.reply.celery.pidbox") == 2)
        assert [caller.receive(5), caller.receive(5)] == [b"1", b"2"]
        assert caller.receive(0.01) is None
        assert other.receive(0.01) is None


def test_who_asks_a_server_that_is_frozen_is_told_soon(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokers.redis.caller.PATIENCE", 0.2)
    server.pause()
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="Timeout"):
        RedisCaller(parse(server.url())).bind("reply.celery.pidbox", "me")
    assert time.monotonic() - began < 3


def test_who_asks_leaves_nothing_behind(server: Server) -> None:
    caller = RedisCaller(parse(server.url()))
    caller.bind("reply.celery.pidbox", "me")
    server.client.lpush("me.reply.celery.pidbox", "too late")
    assert caller.broadcast("celery.pidbox", b"anybody?") == 0
    caller.close()
    assert server.client.keys() == []
