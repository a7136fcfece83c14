"""When to ask the broker for messages."""

from __future__ import annotations

from brokers.interface import Consumer

POLL = 1.0
"""Seconds between looks into the queues of an idle worker: what brings held messages back when they
are due, and a guard against ever going deaf."""


class Fetcher:
    """Owns what is known of the queues. Supervisor's loop only; times are time.monotonic() seconds."""

    def __init__(self, broker: Consumer, now: float) -> None:
        self._broker = broker
        self.taking = False
        """A take is unanswered."""
        self._more = True
        """There may be messages for us."""
        self._next_poll = 0.0
        self.fetched_at = now
        """When a take was answered last, or there was no room for one."""
        self.emptied_at = now
        """When all queues were last seen empty; if never, when we began."""

    def answered(self, more: bool, now: float) -> None:
        """The take has been; `more`: it has left something behind."""
        self.taking = False
        self._more = more
        self.fetched_at = now
        if not more:
            self.emptied_at = now

    def alarm(self) -> None:
        """Something has come, or may have come unnoticed."""
        self._more = True

    def is_due(self, now: float) -> bool:
        return not self.taking and (self._more or now >= self._next_poll)

    def next_poll(self) -> float:
        """When to take at the latest; inf while the last take is unanswered."""
        return float("inf") if self.taking else self._next_poll

    def take(self, limit: int, now: float) -> None:
        """Ask for up to `limit` messages; 0: there is no room, and so no use for a take."""
        self._next_poll = now + POLL
        if limit:
            self._broker.take(limit)
            self.taking = True
        else:
            self.fetched_at = now
