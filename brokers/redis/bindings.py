"""Which queues are bound to an exchange, as kombu keeps it: in a set for each exchange (PROTOCOL 1, 6.1)."""

from __future__ import annotations

from collections.abc import Iterable

from brokers.queue import Queue
from brokers.redis.address import Address
from brokers.redis.chore import Chore

KINDS = ("binding", "binding_permanent")


def additions(address: Address, queue: Queue) -> list[tuple[str, str, str]]:
    """Commands that bind it for good."""
    member = address.transport.sep.join((queue.routing_key, queue.pattern, queue.name))
    return [("SADD", address.key(f"_kombu.{kind}.{queue.exchange}"), member) for kind in KINDS]


def key_of(address: Address, exchange: str) -> str:
    """Of the set."""
    return address.key(f"_kombu.binding.{exchange}")


def read(address: Address, exchange: str, members: Iterable[bytes]) -> list[Queue]:
    """The queues that it binds. What is no binding is left out."""
    found = []
    for member in members:
        parts = member.decode(errors="replace").split(address.transport.sep)
        if len(parts) == 3:
            routing_key, pattern, name = parts
            found.append(Queue(name, exchange, "topic" if pattern else "direct", routing_key))
    return found


def bind(address: Address, queues: Iterable[Queue]) -> Chore:
    """Cut short, it is to be done anew."""
    commands = [command for queue in queues for command in additions(address, queue)]
    for command in commands:  # noqa: UP028  (a list cannot be sent the replies)
        yield command
    return 0
