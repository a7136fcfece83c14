"""Puts messages into the queues of a Redis broker (PROTOCOL 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from brokers.interface import Push
from brokers.queue import Queue
from brokers.redis import bindings
from brokers.redis.address import Address
from brokers.redis.client import Client
from brokers.redis.exchange import Command
from brokers.retry_policy import RetryPolicy

PATIENCE = RetryPolicy()
"""PROTOCOL 6.4."""

CHUNK = 1 << 20
"""Bytes of messages for one round trip: what the server takes in a few milliseconds."""
BROADCASTS = 1000
"""Messages for one round trip."""


class RedisPublisher:
    """See `brokers.interface.Publisher`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = Client(address, tuple(PATIENCE.pauses()))

    def publish(self, pushes: Sequence[Push], policy: RetryPolicy = PATIENCE) -> None:
        """One round trip for up to a megabyte of messages. When it raises, those of earlier round
        trips are in their queues."""
        for chunk in _chunks(pushes):
            self._client.call(self._commands(chunk), policy)

    def _commands(self, pushes: Iterable[Push]) -> list[Command]:
        """One variadic push for each list and end. Order is kept: what goes to the head of a list
        and what goes to its tail do not meet."""
        commands: dict[tuple[str, bool], list[str | bytes]] = {}
        for queue, message, priority, head in pushes:
            key = self._address.list_key(queue, priority)
            command = commands.setdefault((key, head), ["RPUSH" if head else "LPUSH", key])
            command.append(message)
        return list(commands.values())

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
        *lengths, _ = self._client.call([["LLEN", key] for key in keys] + [["UNLINK", *keys]])
        return sum(lengths)

    def close(self) -> None:
        self._client.close()


def _chunks(pushes: Sequence[Push]) -> Iterator[Sequence[Push]]:
    """In order, cut so that each but a single large message is at most CHUNK bytes."""
    start = size = 0
    for index, push in enumerate(pushes):
        size += len(push.message)
        if size > CHUNK and index > start:
            yield pushes[start:index]
            start, size = index, len(push.message)
    if pushes:
        yield pushes[start:]
