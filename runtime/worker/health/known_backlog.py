"""What the broker last said of how much waits there, and when to ask it again.

It is asked when somebody scrapes: nobody pays for a number that nobody reads. A scrape waits for the answer
for a moment, not for a broker that is away: then it gets what was known, with its age.
"""

from __future__ import annotations

from brokers.interface import Backlog
from runtime.worker.health.condition import Condition

FRESH = 1.0
"""Seconds between two questions: so long an answer is good enough."""
PATIENCE = 0.25
"""Seconds that a scrape waits for an answer."""


class KnownBacklog:
    """Times are time.monotonic() seconds."""

    def __init__(self) -> None:
        self.told: Backlog | None = None
        """None: not yet."""
        self._told_at = self._asked_at = float("-inf")
        self._empty_at: dict[str, float] = {}
        """When each queue was last told to be empty."""

    def tell(self, backlog: Backlog, now: float) -> None:
        """The answer has come."""
        self.told, self._told_at = backlog, now
        self._empty_at.update((queue, now) for queue, waiting in backlog.waiting.items() if not waiting)

    def ask(self, condition: Condition, now: float) -> bool:
        """Somebody wants to know. Whether the broker is to be asked, now."""
        if not condition.connected or now - self._asked_at < FRESH:
            return False
        self._asked_at = now
        return True

    def is_awaited(self, condition: Condition, now: float) -> bool:
        """Whether an answer may still come in time."""
        return condition.connected and self._told_at < self._asked_at and now < self.wait_until()

    def wait_until(self) -> float:
        return self._asked_at + PATIENCE

    def age(self, now: float) -> float:
        """Seconds; inf: not told yet."""
        return now - self._told_at

    def lag(self, queue: str, condition: Condition, now: float) -> float:
        """Seconds since the queue was last seen empty; 0: it is."""
        assert self.told is not None
        if not self.told.waiting[queue]:
            return 0.0
        return now - max(condition.emptied_at, self._empty_at.get(queue, 0.0))
