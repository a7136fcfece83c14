"""One look at how much waits: the command that asks, and the backlog in its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from brokers.interface import Backlog
from brokers.redis.scripts import MEASURE, Command


class Measuring(NamedTuple):
    """A request for lengths. Has no number: what is lost with a connection is asked anew, or not at all."""

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
