"""One take: the command that asks for messages, and the deliveries in its answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from brokers.interface import Delivery
from brokers.redis.keys import Keys, read_stored, stored_suffix
from brokers.redis.scripts import TAKE, Command

MOST = 250
"""Messages in one call of the script. It stops the server while it runs, for 3 or 4 ms."""


class Take(NamedTuple):
    """A request for messages, and what is needed to read its answer."""

    incarnation: str
    first: int
    """Counter in the tag of the first new message."""
    limit: int
    lists: Sequence[tuple[str, str]]
    """(list, its queue), in the order in which they are popped."""

    def command(self, keys: Keys, step: int, due: float) -> Command:
        """`due`: epoch up to which held messages are given again."""
        return TAKE.call(
            *(
                keys.record(self.incarnation),
                step,
                keys.unacked,
                keys.unacked_index,
                keys.held(self.incarnation),
            ),
            *(f"{self.incarnation}.", self.first, self.limit, due),
            *(stored_suffix(queue) for _, queue in self.lists),
            keys=[key for key, _ in self.lists],
        )

    def deliveries(self, reply: Sequence[Any]) -> list[Delivery]:
        due, found, popped, messages, *_ = reply
        deliveries = from_storage(due, True) + from_storage(found, False)
        prefix, counter, rest = f"{self.incarnation}.", self.first, iter(messages)
        for position, count in zip(popped[::2], popped[1::2], strict=True):
            queue = self.lists[position - 1][1]
            for message in islice(rest, count):
                deliveries.append(Delivery(f"{prefix}{counter}", queue, message))
                counter += 1
        return deliveries

    @staticmethod
    def was_in_vain(reply: Sequence[Any]) -> bool:
        """It has moved nothing; the server does not remember it."""
        due, found, popped, *_ = reply
        return not (due or found or popped)

    @staticmethod
    def left_some(reply: Sequence[Any]) -> bool:
        """Whether there may be more; if not, the server will tell when something comes."""
        return bool(reply[4])

    def served(self, reply: Sequence[Any]) -> list[str]:
        """The queues from which something came."""
        return [self.lists[position - 1][1] for position in reply[2][::2]]


def refusals(reply: Sequence[Any]) -> list[str]:
    """What the server would not do, with its reason."""
    return [text.decode(errors="replace") for text in reply[-1]]


def from_storage(pairs: Sequence[bytes], held: bool) -> list[Delivery]:
    deliveries = []
    for tag, value in zip(pairs[::2], pairs[1::2], strict=True):
        stored = read_stored(value)
        assert stored is not None, "we have stored it"
        deliveries.append(Delivery(tag.decode(), stored.routing_key, stored.message, held))
    return deliveries
