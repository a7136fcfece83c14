"""Calls functions when their time has come."""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from math import inf

from brokers.interface import Settlement

logger = logging.getLogger("runtime.worker")


class Entry:
    """One function to be called."""

    def __init__(self, function: Callable[[], object], every: float | None) -> None:
        self.function = function
        self.every = every
        """Seconds; None: once."""
        self.is_cancelled = False

    def cancel(self) -> None:
        """Not (again)."""
        self.is_cancelled = True


class Timer:
    """An attendant. The functions run in the supervisor's loop, which waits for them; what they raise is
    logged."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, function: Callable[[], object]) -> Entry:
        """Call it once, so much later."""
        return self._add(time.monotonic() + seconds, Entry(function, None))

    def every(self, seconds: float, function: Callable[[], object]) -> Entry:
        """Call it again and again, the first time so much later. Calls that were missed are left out. Raises
        ValueError."""
        if seconds <= 0:
            raise ValueError(f"every {seconds!r} seconds: must be more than 0")
        return self._add(time.monotonic() + seconds, Entry(function, seconds))

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        return self._heap[0][0] if self._heap else inf

    def attend(self, now: float) -> Sequence[Settlement]:
        while self._heap and self._heap[0][0] <= now:
            due, _, entry = heapq.heappop(self._heap)
            if entry.is_cancelled:
                continue
            try:
                entry.function()
            except Exception:
                logger.exception("Timer: %r failed", entry.function)
            if entry.every is not None:
                self._add(max(due + entry.every, now), entry)
        return ()

    def _add(self, due: float, entry: Entry) -> Entry:
        heapq.heappush(self._heap, (due, next(self._numbers), entry))
        return entry
