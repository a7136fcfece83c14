"""The names of our own keys, and the form in which a message stands in unacked storage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import orjson

from brokers.redis.address import Address


class Keys(NamedTuple):
    """Names of the keys that are not queues, each with the global prefix (PROTOCOL 1, DESIGN 5)."""

    unacked: str
    """Hash: tag → stored message."""
    unacked_index: str
    """Sorted set: tag → epoch at which it was fetched, or last refreshed."""
    mutex: str
    """Held during a sweep for abandoned messages."""
    workers: str
    """Sorted set: incarnation → end of its lease, epoch in milliseconds."""
    own: str
    """What the names of the keys below begin with."""

    def record(self, incarnation: str) -> str:
        """Hash: who this worker is, and the number of its last request that was carried out."""
        return f"{self.own}worker.{incarnation}"

    def held(self, incarnation: str) -> str:
        """Sorted set: tag → epoch at which the message is due."""
        return f"{self.own}eta.{incarnation}"

    def claim(self, incarnation: str) -> str:
        """String: who is recovering this incarnation's messages."""
        return f"{self.own}recovery.{incarnation}"

    def dead(self, queue: str) -> str:
        """List: dead letters of the queue, the newest first."""
        return f"{self.own}dead.{queue}"


def keys_of(address: Address) -> Keys:
    transport = address.transport
    own = address.key("runtime.")
    return Keys(
        address.key(transport.unacked_key),
        address.key(transport.unacked_index_key),
        address.key(transport.unacked_mutex_key),
        f"{own}workers",
        own,
    )


def pop_order(address: Address, queues: Sequence[str]) -> list[tuple[str, str]]:
    """(list, its queue) in the order in which they are served: for each priority step all queues
    (PROTOCOL 7)."""
    steps = zip(*(address.list_keys(queue) for queue in queues), strict=True)
    return [(key, queue) for step in steps for key, queue in zip(step, queues, strict=True)]


@cache
def stored_suffix(queue: str) -> bytes:
    """What stands behind the message in `[message, exchange, routing_key]`. The exchange is empty:
    whoever restores it, a Celery worker too, then puts it into this very queue (PROTOCOL 6.2)."""
    return b',"",' + orjson.dumps(queue) + b"]"


class Stored(NamedTuple):
    message: bytes
    exchange: str
    routing_key: str


def read_stored(value: bytes) -> Stored | None:
    """A value of `unacked`; None for what is no stored message.

    One of ours is cut, not parsed: what came in has not changed by a byte, JSON or not. (Inside a
    JSON string no quote stands alone, so the last `,"","` is where the message ends.)
    """
    end = value.rfind(b',"","')
    try:
        if end != -1:
            return Stored(value[1:end], "", orjson.loads(value[end + 4 : -1]))
        # Not orjson: it would change NaN, and integers above 64 bits.
        message, exchange, routing_key = json.loads(value)
        names = str(exchange or ""), str(routing_key or "")
        "".join(names).encode()  # not halves of surrogate pairs: no key has them
        return Stored(json.dumps(message).encode(), *names)
    except (ValueError, TypeError, RecursionError):
        return None
