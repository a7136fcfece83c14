"""Looks at what waits: the commands that ask, and what is in their answers. Neither has a number: what is
lost with a connection is asked anew, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from brokers.interface import Backlog, Held
from brokers.redis.keys import read_stored
from brokers.redis.scripts import LOOK, MEASURE, Command

LARGEST = 4_000_000
"""Bytes of messages after which no more are shown."""


class Measuring(NamedTuple):
    """A request for lengths."""

    lists: Sequence[tuple[str, str]]
    """(list, its queue); a queue has one for each priority step."""

    def command(self, held: str) -> Command:
        return MEASURE.call(held, keys=[key for key, _ in self.lists])

    def backlog(self, reply: Sequence[Any]) -> Backlog:
        lengths, held = reply
        waiting = dict.fromkeys((queue for _, queue in self.lists), 0)
        for (_, queue), length in zip(self.lists, lengths, strict=True):
            waiting[queue] += length
        return Backlog(waiting, held)


class Looking(NamedTuple):
    """A request for held messages."""

    most: int

    def command(self, held: str, unacked: str) -> Command:
        return LOOK.call(held, unacked, self.most, LARGEST)

    def held(self, reply: Sequence[Any]) -> list[Held]:
        found = zip(map(float, reply[::2]), map(read_stored, reply[1::2]), strict=True)
        return [Held(due, stored.routing_key, stored.message) for due, stored in found if stored]
