"""Which queues are bound to an exchange, as kombu keeps it: in a set for each exchange (PROTOCOL 1, 6.1)."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from brokers.queue import Queue
from brokers.redis.address import Address
from brokers.redis.scripts import Command


def additions(address: Address, queue: Queue) -> list[tuple[str, str, str]]:
    """Commands that bind it for good."""
    member = address.transport.sep.join((queue.routing_key, queue.pattern, queue.name))
    return [("SADD", address.key(f"_kombu.{kind}.{queue.exchange}"), member) for kind in KINDS]


KINDS = ("binding", "binding_permanent")


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


def bind(address: Address, queues: Iterable[Queue]) -> Generator[Command, Any, int]:
    """A chore (see `recovery`). Cut short: the next connection begins with it."""
    commands = [command for queue in queues for command in additions(address, queue)]
    for command in commands:  # noqa: UP028  (a list cannot be sent the replies)
        yield command
    return 0
