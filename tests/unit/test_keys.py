"""Names of keys, the order in which lists are popped, and the form of a stored message."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.redis.address import parse
from brokers.redis.keys import Stored, keys_of, pop_order, read_stored, stored_suffix


def test_every_key_has_the_global_prefix() -> None:
    keys = keys_of(parse("redis://h?global_keyprefix=p:&unacked_key=mine"))
    assert keys[:4] == ("p:mine", "p:unacked_index", "p:unacked_mutex", "p:runtime.workers")
    assert keys.record("i") == "p:runtime.worker.i"
    assert keys.held("i") == "p:runtime.eta.i"
    assert keys.claim("i") == "p:runtime.recovery.i"
    assert keys.dead("q") == "p:runtime.dead.q"


def test_priority_steps_go_before_queues() -> None:
    address = parse("redis://h", {"priority_steps": [0, 5], "sep": ":"})
    assert pop_order(address, ["b", "a"]) == [("b", "b"), ("a", "a"), ("b:5", "b"), ("a:5", "a")]


@given(st.binary(), st.text(st.characters(codec="utf-8")))
def test_a_stored_message_is_read_as_it_was(message: bytes, queue: str) -> None:
    assert read_stored(b"[" + message + stored_suffix(queue)) == Stored(message, "", queue)


def test_what_celery_stores_is_read() -> None:
    value = orjson.dumps([{"body": "é"}, "exchange", "key"])
    assert read_stored(value) == Stored(rb'{"body": "\u00e9"}', "exchange", "key")
    assert read_stored(b'[{"body": 1}, null, "key"]') == Stored(b'{"body": 1}', "", "key")


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "123456789012345678901", r'"\ud800"'])
def test_what_celery_stores_and_only_python_reads(text: str) -> None:
    message = f'{{"headers": {{"stamp": {text}}}}}'.encode()
    assert read_stored(b"[" + message + b', "", "key"]') == Stored(message, "", "key")


@pytest.mark.parametrize(
    "value",
    [b"", b"[", b"1", b"[1, 2]", b"null", b'{"a": 1}', b'[1,"","q"', rb'[1, "", "\ud800"]', b"[" * 9999],
)
def test_what_is_no_stored_message(value: bytes) -> None:
    assert read_stored(value) is None
