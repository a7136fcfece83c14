"""Keeps back what would settle messages that were taken before an eviction; others have them now."""

from __future__ import annotations

from collections.abc import Sequence

from brokers.interface import Received, Settlement


class Fence:
    """The server's own fence (lua/settle.lua) does not stand yet while a message is on its way to
    others; this one does from the moment in which we know."""

    def __init__(self) -> None:
        self._prefix = ""
        """What our tags begin with since the last eviction."""
        self._stopped: list[str] = []

    def __len__(self) -> int:
        """How many it has to tell of."""
        return len(self._stopped)

    def put_up(self, incarnation: str) -> None:
        """From now on only this one's messages are ours."""
        self._prefix = f"{incarnation}."

    def ours(self, settlements: Sequence[Settlement]) -> Sequence[Settlement]:
        """Those that may pass; also the ones without a tag, which need no message."""
        if not self._prefix:
            return settlements
        passed = []
        for settlement in settlements:
            if not settlement.tag or settlement.tag.startswith(self._prefix):
                passed.append(settlement)
            else:
                self._stopped.append(settlement.tag)
        return passed

    def tell(self, received: Received) -> None:
        """The tags of those that did not."""
        received.settled += len(self._stopped)
        received.fenced += self._stopped
        self._stopped = []
