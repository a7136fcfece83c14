"""Settlements and result documents as arguments of the scripts that carry them out."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from brokers.interface import Delivery, Push, Settlement, Write
from brokers.redis.address import Address
from brokers.redis.keys import Keys
from brokers.redis.recovery import priority_of
from brokers.redis.scripts import Argument

MOST = 200
"""Settlements in one call of the script. It stops the server while it runs, for 3 or 4 ms if each stores a
result."""
LARGEST = 1_000_000
"""Bytes of documents and messages in one call, about."""


class Batch(NamedTuple):
    """What one call of settle.lua carries out."""

    settlements: Sequence[Settlement]
    arguments: list[Argument]
    """From ARGV[9] on."""
    feeds_us: bool
    """It pushes into a queue that we consume from: the server tells everybody but us."""


def given_back(delivery: Delivery) -> Settlement:
    """To the head of its queue, as it came."""
    message = delivery.message
    push = Push(delivery.queue, message, priority_of(message), head=True)
    return Settlement(delivery.tag, pushes=(push,))


def named(settlement: Settlement) -> str:
    """For people; empty if nothing is missing without it."""
    if settlement.tag:
        return settlement.tag
    if settlement.writes:
        return settlement.writes[0].key
    return f"a message for {settlement.pushes[0].queue}" if settlement.pushes else ""


def batches(
    settlements: Sequence[Settlement], address: Address, keys: Keys, ours: Container[str]
) -> Iterator[Batch]:
    """The settlements in order, in calls of bounded size; within a call plain removals go first.

    `ours`: the queues that this worker consumes from.
    """
    plain: list[Argument] = []
    others: list[Argument] = []
    start = size = 0
    feeds_us = False
    for end, (tag, writes, pushes, dead) in enumerate(settlements, 1):
        if not (writes or pushes or dead):
            if tag:
                plain.append(tag)
        else:
            others += (tag, len(writes))
            for write in writes:
                others += _arguments(write)
                size += len(write.document)
            others.append(len(pushes))
            for queue, message, priority, head in pushes:
                others += (address.list_key(queue, priority), message, "RPUSH" if head else "LPUSH")
                size += len(message)
                feeds_us = feeds_us or queue in ours
            if dead:
                others += (1, keys.dead(dead[0]), dead[1])
                size += len(dead[1])
            else:
                others.append(0)
        if end - start == MOST or size >= LARGEST or end == len(settlements):
            yield Batch(settlements[start:end], [len(plain), *plain, *others], feeds_us)
            plain, others, start, size, feeds_us = [], [], end, 0, False


def documents(writes: Iterable[Write]) -> Iterator[list[Argument]]:
    """The arguments of write.lua, in calls of bounded size."""
    arguments: list[Argument] = []
    size = 0
    for write in writes:
        arguments += _arguments(write)
        size += len(write.document)
        if size >= LARGEST or len(arguments) >= 4 * MOST:
            yield arguments
            arguments, size = [], 0
    if arguments:
        yield arguments


def _arguments(write: Write) -> tuple[Argument, ...]:
    return write.key, write.document, write.expires, " ".join(write.over)
