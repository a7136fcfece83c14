"""Settlements and result documents as arguments of the scripts that carry them out."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from brokers.effects import ChordEnd, ChordPart, ChordSize, Push, Settlement, Write
from brokers.interface import Delivery
from brokers.redis.address import Address
from brokers.redis.keys import Keys
from brokers.redis.recovery import priority_of
from brokers.redis.scripts import Argument

MOST = 200
"""Settlements in one call of the script. It stops the server while it runs, for 3 or 4 ms if each stores a
result."""
LARGEST = 1_000_000
"""Bytes of documents and messages in one call, about."""
PART = LARGEST // 100
"""What a part of a chord counts for, in bytes: a hundred of them are as much work as MOST settlements."""


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
    if settlement.chords:
        return settlement.chords[0].key
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
    for end, (tag, writes, pushes, dead, chords) in enumerate(settlements, 1):
        if not (writes or pushes or dead or chords):
            if tag:
                plain.append(tag)
        else:
            others += (tag, len(chords))
            for chord in chords:
                others += _chord_step(chord)
                if not isinstance(chord, ChordSize):
                    push = _publishes(chord)
                    others += (address.list_key(push.queue, push.priority), push.message)
                    size += _size(chord)
                    feeds_us = feeds_us or push.queue in ours
            others.append(len(writes))
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


class Documents(NamedTuple):
    """What one call of write.lua carries out."""

    settlements: Sequence[Settlement]
    arguments: list[Argument]


def documents(settlements: Sequence[Settlement]) -> Iterator[Documents]:
    """What they do where the results are, in calls of bounded size."""
    arguments: list[Argument] = []
    start = size = 0
    for end, settlement in enumerate(settlements, 1):
        arguments.append(len(settlement.chords))
        for chord in settlement.chords:
            arguments += _chord_step(chord)
            size += 0 if isinstance(chord, ChordSize) else _size(chord)
        arguments.append(len(settlement.writes))
        for write in settlement.writes:
            arguments += _arguments(write)
            size += len(write.document)
        if end - start == MOST or size >= LARGEST or end == len(settlements):
            yield Documents(settlements[start:end], arguments)
            arguments, start, size = [], end, 0


def remainder(settlement: Settlement, outcomes: Iterator[bytes]) -> Settlement:
    """What is left for the broker, once that has been done elsewhere with these outcomes, one for each of its
    steps of chords, which are taken."""
    pushes = list(settlement.pushes)
    for chord in settlement.chords:
        outcome = next(outcomes)
        if isinstance(chord, ChordPart) and outcome == b"complete":
            pushes.append(chord.join)
        elif isinstance(chord, ChordEnd) and outcome != b"open":
            pushes = [chord.again] if outcome == b"claimed" else []
    return settlement._replace(writes=(), chords=(), pushes=pushes)


def _arguments(write: Write) -> tuple[Argument, ...]:
    return write.key, write.document, write.expires, " ".join(write.over)


def _chord_step(chord: ChordSize | ChordPart | ChordEnd) -> tuple[Argument, ...]:
    """See lua/chord.lua."""
    match chord:
        case ChordSize(key, size, expires, structure):
            return "size", key, size, expires, structure
        case ChordPart(key, member, entry, score, expires, _):
            return "part", key, member, entry, score, expires
        case ChordEnd(key, expires, _):
            return "end", key, expires


def _publishes(chord: ChordPart | ChordEnd) -> Push:
    return chord.join if isinstance(chord, ChordPart) else chord.again


def _size(chord: ChordPart | ChordEnd) -> int:
    entry = len(chord.entry) if isinstance(chord, ChordPart) else 0
    return PART + len(_publishes(chord).message) + entry
