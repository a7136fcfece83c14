"""Puts messages into the queues of a Redis broker (PROTOCOL 6)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from uuid import uuid4

from brokers.interface import Push
from brokers.queue import Queue
from brokers.redis import bindings
from brokers.redis.address import Address
from brokers.redis.client import Client
from brokers.redis.keys import keys_of
from brokers.redis.scripts import PUBLISH
from brokers.retry_policy import RetryPolicy

PATIENCE = RetryPolicy()
"""PROTOCOL 6.4."""

CHUNK = 1 << 20
"""Bytes of messages for one round trip: what the server takes in a few milliseconds."""
MOST = 4000
"""Messages for one round trip: what Lua can unpack."""
NAME = 12
"""Bytes of a call's name."""
REMEMBERED = "600"
"""Seconds after which the server has forgotten what was published last: a repeated call comes sooner."""
BROADCASTS = 1000
"""Messages for one round trip."""


class RedisPublisher:
    """See `brokers.interface.Publisher`.

    A try whose answer was lost, or is late, may have been carried out. So each call has a name of its own,
    and the server notes the last one for every sender: a call that finds its name there does nothing. (A
    name, and no number: two processes that are copies of one another, by a fork or a snapshot of the machine,
    have the same senders. By numbers one would keep the other's messages out; so the worst is that a retry is
    not recognised.)
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._keys = keys_of(address)
        self._client = Client(address, tuple(PATIENCE.pauses()))
        self._senders: list[str] = []
        """Those that nobody uses now; there are as many as calls at once. A list's pop and append are
        atomic."""

    def publish(self, pushes: Sequence[Push], policy: RetryPolicy = PATIENCE) -> None:
        """One round trip for up to a megabyte of messages. When it raises, those of earlier round
        trips are in their queues."""
        try:
            sender = self._senders.pop()
        except IndexError:
            sender = self._keys.sent(uuid4().hex)
        for chunk in _chunks(pushes):
            arguments = (sender, os.urandom(NAME), REMEMBERED, *self._lists(chunk))
            self._client.evaluate(PUBLISH, arguments, policy)
        self._senders.append(sender)

    def _lists(self, pushes: Iterable[Push]) -> Iterator[str | bytes]:
        """See lua/publish.lua. Order is kept: what goes to the head of a list and what goes to its tail do
        not meet."""
        lists: dict[tuple[str, bool], list[bytes]] = {}
        for queue, message, priority, head in pushes:
            lists.setdefault((self._address.list_key(queue, priority), head), []).append(message)
        for (key, head), messages in lists.items():
            yield from ("RPUSH" if head else "LPUSH", key, str(len(messages)), *messages)

    def broadcast(self, exchange: str, routing_key: str, messages: Sequence[bytes]) -> None:
        channel = self._address.channel(exchange, routing_key)
        for start in range(0, len(messages), BROADCASTS):
            chunk = messages[start : start + BROADCASTS]
            self._client.call([["PUBLISH", channel, message] for message in chunk])

    def declare(self, queue: Queue, policy: RetryPolicy = PATIENCE) -> None:
        self._client.call(bindings.additions(self._address, queue), policy)

    def bound(self, exchange: str, policy: RetryPolicy = PATIENCE) -> list[Queue]:
        [members] = self._client.call([("SMEMBERS", bindings.key_of(self._address, exchange))], policy)
        return bindings.read(self._address, exchange, members)

    def length(self, queue: str) -> int:
        return sum(self._client.call([["LLEN", key] for key in self._address.list_keys(queue)]))

    def purge(self, queue: str) -> int:
        keys = list(self._address.list_keys(queue))
        *lengths, _ = self._client.call([["LLEN", key] for key in keys] + [["DEL", *keys]])
        return sum(lengths)

    def close(self) -> None:
        self._client.close()


def _chunks(pushes: Sequence[Push]) -> Iterator[Sequence[Push]]:
    """In order, cut so that each is at most MOST messages and, but for a single large one, CHUNK bytes."""
    start = size = 0
    for index, push in enumerate(pushes):
        size += len(push.message)
        if index > start and (size > CHUNK or index - start == MOST):
            yield pushes[start:index]
            start, size = index, len(push.message)
    if pushes:
        yield pushes[start:]
