"""Commands, replies and the clock of remote control (`runtime.remote`)."""

from __future__ import annotations

import json
import time
import warnings
from typing import Any

import pytest
from hypothesis import given, strategies

from brokers import envelope
from brokers.envelope import MalformedMessage
from runtime.remote import command, reply
from runtime.remote.clock import Clock
from runtime.remote.command import Address, Command
from runtime.remote.inspect import DuplicateNodenameWarning, by_node

COMMAND = ("method", "arguments", "destination", "pattern", "matcher", "ticket", "reply_to")


def test_a_command_is_read_as_it_was_written() -> None:
    told = Command(
        "revoke", {"task_id": "a"}, ["w@h"], "w*", "glob", "t", Address("reply", "me"), 7, time.time() + 1
    )
    assert command.read(command.write(told)) == told
    assert command.read(command.write(Command("ping"))) == Command("ping")


def test_nobody_is_named_where_no_reply_is_wanted() -> None:
    body = envelope.parse(command.write(Command("ping", ticket="t"))).content()
    assert b"ticket" not in body
    assert b"reply_to" not in body


@pytest.mark.parametrize(
    ("told", "obeys"),
    [
        (Command("ping"), True),
        (Command("ping", destination=[]), True),
        (Command("ping", destination=["a@h", "w@h"]), True),
        (Command("ping", destination=["a@h"]), False),
        (Command("ping", pattern="w*", matcher="glob"), True),
        (Command("ping", pattern="W*", matcher="glob"), False),
        (Command("ping", pattern="w.h", matcher="pcre"), True),
        (Command("ping", pattern="a.*", matcher="pcre"), False),
        (Command("ping", pattern="a*"), True),  # without a matcher there is no pattern, says kombu
        (Command("ping", destination=["a@h"], pattern="w*", matcher="glob"), False),
    ],
)
def test_whom_a_command_is_for(told: Command, obeys: bool) -> None:
    assert told.is_for("w@h") is obeys


def test_a_command_is_late_only_beyond_what_clocks_may_differ() -> None:
    assert not Command("ping").is_late(1e12)
    assert not Command("ping", expires=1000).is_late(1059)
    assert Command("ping", expires=1000).is_late(1061)


def test_a_reply_carries_ticket_clock_and_node() -> None:
    asked = Command("ping", ticket="t", reply_to=Address("reply", "me"))
    message = reply.write(asked, "w@h", {"ok": "pong"}, 9)
    assert reply.read(message) == ("t", 9, {"w@h": {"ok": "pong"}})
    assert envelope.parse(message).properties["delivery_info"] == {"exchange": "reply", "routing_key": "me"}


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=5,
)


@given(
    strategies.dictionaries(strategies.sampled_from([*COMMAND, "other"]), JSON),
    strategies.dictionaries(strategies.sampled_from(["clock", "expires"]), JSON),
)
def test_whatever_comes_is_a_command_or_malformed(members: dict[str, Any], headers: dict[str, Any]) -> None:
    message = json.dumps(
        {"body": json.dumps({"method": "ping", **members}), "headers": headers, "properties": {}}
    ).encode()
    try:
        told = command.read(message)
    except MalformedMessage:
        return
    told.is_for("w@h")
    told.is_late(time.time())
    if told.reply_to is not None:
        reply.write(told, "w@h", told.arguments, told.clock)


@pytest.mark.parametrize("member", ["method", "ticket", "pattern"])
def test_half_a_character_is_refused(member: str) -> None:
    body = json.dumps({"method": "ping", member: "\ud800"}).encode()
    with pytest.raises(MalformedMessage):
        command.read(envelope.build(body, {}, {}))


@pytest.mark.parametrize("body", [b"no json", b"[]", b"7"])
def test_a_reply_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        reply.read(envelope.build(body, {}, {}))


def test_the_clock_is_later_than_all_it_has_heard_of() -> None:
    clock = Clock()
    assert clock.tick() == 1
    clock.heed(41)
    assert clock.value == 42
    clock.heed(3)
    assert clock.value == 43
    clock.heed(1 << 80)  # nobody's clock
    assert clock.tick() == 44


def test_workers_of_one_name_are_warned_of() -> None:
    assert by_node([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        by_node([{"a": 1}, {"a": 2}])
    assert [each.category for each in caught] == [DuplicateNodenameWarning]
