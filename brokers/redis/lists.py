"""The lists that a worker takes from, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brokers.redis.address import Address
from brokers.redis.keys import pop_order


class Lists:
    """Those of some queues."""

    def __init__(self, address: Address, queues: Sequence[str]) -> None:
        self.queues = tuple(queues)
        self._address = address
        strategy = address.transport.queue_order_strategy
        self._rotates = strategy == "round_robin"
        self._order = sorted(queues) if strategy == "sorted" else list(queues)
        self.in_order = pop_order(address, self._order)
        """(list, its queue), the one that is popped first in front."""
        self._names = {key.encode() for key, _ in self.in_order}

    def served(self, queues: Sequence[str]) -> None:
        """Something came from these."""
        if self._rotates:
            self._order = rotated(self._order, queues)
            self.in_order = pop_order(self._address, self._order)

    def concerned_by(self, push: Sequence[Any]) -> bool:
        """Whether the server says that one of them has changed. No names: it has forgotten which
        (FLUSHALL)."""
        return push[0] == b"invalidate" and (push[1] is None or not self._names.isdisjoint(push[1]))


def rotated(queues: Sequence[str], served: Sequence[str]) -> list[str]:
    """Round robin: those that were served go behind the others (PROTOCOL 7)."""
    return [queue for queue in queues if queue not in served] + [queue for queue in queues if queue in served]
