"""When tasks of one name may start: a token bucket that holds one token, as a decision."""

from __future__ import annotations

TOLERANCE = 0.05
"""Seconds by which a start may come late, because the loop was busy, without delaying those after it."""


class Bucket:
    """Times are seconds of one clock, given by the caller."""

    def __init__(self, rate: float) -> None:
        """`rate`: starts each second; 0: as many as you like."""
        self._interval = _interval(rate)
        self._last = float("-inf")
        """When the last one started, or was to."""
        self._booked = float("-inf")
        """When the last of those is to start that have been sent away until then."""

    def change(self, rate: float) -> None:
        """From now on."""
        self._interval = _interval(rate)
        self.unbook()

    def take(self, now: float) -> bool:
        """Whether one may start now. It counts as started."""
        if now < self._last + self._interval:
            return False
        self._last = max(self._last + self._interval, now - TOLERANCE)
        return True

    def turn(self, ahead: int, now: float) -> float:
        """When one may start that has so many before it here."""
        return max(self._last + self._interval, now) + ahead * self._interval

    def next_turn(self, ahead: int, now: float) -> float:
        """The same for one that is behind those that were sent away, too."""
        return max(self._booked + self._interval, self.turn(ahead, now))

    def book(self, at: float) -> None:
        """One is to start then; others come after it."""
        self._booked = max(self._booked, at)

    def unbook(self) -> None:
        """Those that were sent away come back to be booked anew."""
        self._booked = float("-inf")

    def has_booked(self, now: float) -> bool:
        """Whether some are to start later."""
        return self._booked > now


def _interval(rate: float) -> float:
    return 1 / rate if rate else 0.0
