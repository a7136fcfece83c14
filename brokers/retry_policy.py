"""When a publish that failed by a broken connection is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple


class RetryPolicy(NamedTuple):
    """Named, and by default, as Celery's (PROTOCOL 6.4)."""

    max_retries: int | None = 3
    """How many tries there are after the first; None: any number."""
    interval_start: float = 0.0
    """Seconds before the first of these."""
    interval_step: float = 0.2
    """Seconds by which each wait is longer than the one before."""
    interval_max: float = 1.0
    """Seconds of the longest wait."""
    retry_errors: tuple[type[BaseException], ...] = ()
    """What else is tried again, beside what passes by itself."""

    def pauses(self) -> Iterator[float]:
        """Seconds before each further try."""
        tries = count() if self.max_retries is None else range(self.max_retries)
        return (min(self.interval_start + self.interval_step * n, self.interval_max) for n in tries)


NO_RETRY = RetryPolicy(max_retries=0)
