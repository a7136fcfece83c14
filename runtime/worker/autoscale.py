"""Makes a pool as large as its load wants it, between two bounds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from brokers.interface import Settlement
from runtime.worker.core import Core
from runtime.worker.lifecycle import State
from runtime.worker.size import Bounds

logger = logging.getLogger("runtime.worker")

LOOK = 0.25
"""Seconds between two looks at the load."""
LOOKS = 2
"""How many in a row must find every slot running a task before there are more slots."""
CALM = 30.0
"""Seconds over which slots must have been in excess before they go, as Celery's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last looks have found."""

    full: int = 0
    """So many in a row found no slot free."""
    peak: int = 0
    """Tasks that ran or waited at one time, at most, since `since`."""
    since: float = -inf
    """time.monotonic()."""


def decide(
    seen: Seen, bounds: Bounds, slots: int, running: int, waiting: int, now: float
) -> tuple[Seen, int]:
    """What has been seen after this look, and by how many slots to grow or, negative, to shrink.

    It grows by half, or by what waits if that is more: that no slot is free says nothing of how many
    messages are in the queues, but the next look will. It shrinks to one more than were in use at a
    time: without a free one it would grow again.
    """
    load = running + waiting
    if running < slots:
        if seen.since == -inf:
            seen = Seen(0, load, now)
        peak = max(seen.peak, load)
        if now - seen.since < CALM:
            return Seen(0, peak, seen.since), 0
        return Seen(0, load, now), min(0, max(bounds.least, peak + 1) - slots)
    if seen.full + 1 < LOOKS:
        return Seen(seen.full + 1, load, now), 0
    return Seen(0, load, now), max(0, min(max(waiting, (slots + 1) // 2), bounds.most - slots))


class Autoscaler:
    """An attendant: looks at the load four times a second, unless nothing can have changed."""

    def __init__(self, core: Core, bounds: Bounds) -> None:
        self._core = core
        self.bounds = bounds
        self._seen = Seen()
        self._next_look = 0.0
        self._at_rest = False
        """Nothing ran, and there are as few slots as there may be: nothing to see until a message comes."""

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        return inf if self._at_rest and not self._core.ledger else self._next_look

    def attend(self, now: float) -> Sequence[Settlement]:
        """Look, and act."""
        self._next_look = now + LOOK
        if self._core.life.state is not State.RUNNING:
            return ()
        pool = self._core.pool
        slots, running = pool.slots(), len(pool.running())
        waiting = self._core.dispatcher.ready() + pool.queued()
        self._seen, slots_more = decide(self._seen, self.bounds, slots, running, waiting, now)
        self._at_rest = not running and slots <= self.bounds.least
        self._resize(slots, slots + slots_more)
        return ()

    def change(self, bounds: Bounds) -> None:
        """From now on; the pool is as large at once."""
        self.bounds = bounds
        self._seen = Seen()
        slots = self._core.pool.slots()
        self._resize(slots, min(max(slots, bounds.least), bounds.most))

    def _resize(self, old: int, new: int) -> None:
        if new == old:
            return
        logger.info("Autoscale: from %d to %d slots", old, new)
        if new > old:
            self._core.pool.grow(new - old)
        else:
            self._core.pool.shrink(old - new)
