"""What was seen lately: how long tasks of a name take, and how many end per second."""

from __future__ import annotations

from math import exp

from runtime.worker.pipeline.prefetch import RATE_MEMORY

WEIGHT = 0.1
"""Of a new duration in a name's moving mean."""


class Pace:
    """Owned by the supervisor's loop."""

    def __init__(self, now: float) -> None:
        self._durations: dict[str, float] = {}
        self._rate = 0.0
        self._finished = 0
        self._since = now

    def note(self, name: str, seconds: float) -> None:
        """A task of this name has ended after so many seconds.

        A longer one counts at once in full: one slow run among quick ones is what makes others wait.
        """
        self._finished += 1
        known = self._durations.get(name)
        if known is None or seconds > 4 * known:
            self._durations[name] = seconds
        else:
            self._durations[name] = known + WEIGHT * (seconds - known)

    def duration(self, name: str) -> float | None:
        """Mean seconds; None before the first end."""
        return self._durations.get(name)

    def rate(self, now: float) -> float:
        """Ends per second, lately."""
        elapsed = now - self._since
        if elapsed >= 0.01:
            keep = exp(-elapsed / RATE_MEMORY)
            self._rate = self._rate * keep + self._finished / elapsed * (1 - keep)
            self._finished = 0
            self._since = now
        return self._rate
