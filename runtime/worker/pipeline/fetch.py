"""When to ask the broker for messages."""

from __future__ import annotations

POLL = 1.0
"""Seconds between looks into the queues of an idle worker: what brings held messages back when they
are due, and a guard against ever going deaf."""


class Fetcher:
    """Owns what is known of the queues. Supervisor's loop only; times are time.monotonic() seconds."""

    def __init__(self, now: float) -> None:
        self.taking = False
        """A take is unanswered."""
        self._open = False
        """Something may be taken; written by the step Evloop."""
        self._more = True
        """There may be messages for us."""
        self._expecting = False
        """The broker takes by itself what comes next."""
        self._next_poll = 0.0
        self.fetched_at = now
        """When a take was answered last, or there was no room for one."""
        self.emptied_at = now
        """When all queues were last seen empty; if never, when we began."""

    def answered(self, more: bool, now: float) -> None:
        """The take has been; `more`: it has left something behind."""
        self.taking = False
        self._more = more
        self._expecting = False
        self.fetched_at = now
        if not more:
            self.emptied_at = now

    def alarm(self) -> None:
        """Something has come, or may have come unnoticed."""
        self._more = True

    def began(self, now: float) -> None:
        """The broker has begun to take what was expected."""
        self._next_poll = now + POLL
        self.taking = True

    def rest(self) -> None:
        """Nothing is expected any more."""
        self._expecting = False

    def open(self) -> None:
        """There is a connection: messages may be asked for."""
        self._open = self._more = True

    def shut(self) -> None:
        """There is none. A take that is unanswered stays so: the next connection answers it."""
        self._open = False

    def is_due(self, now: float) -> bool:
        """Whether `asks` is to be asked."""
        return (
            self._open and not self.taking and (self._more or not self._expecting or now >= self._next_poll)
        )

    def next_poll(self) -> float:
        """When to take at the latest; inf while the last take is unanswered, or none may be asked for."""
        return self._next_poll if self._open and not self.taking else float("inf")

    def asks(self, limit: int, now: float) -> bool:
        """Whether up to `limit` messages are to be taken now; if not, the broker is to expect so many. 0:
        there is no room, and so no use for either."""
        if not self._more and now < self._next_poll:
            self._expecting = True
            return False
        self._next_poll = now + POLL
        self.taking = limit > 0
        if not limit:
            self.fetched_at = now
        return self.taking
