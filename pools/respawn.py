"""When to try again after children or their fork server could not boot, or died idle: a decision.

A child that dies while it runs a job is not counted here: it is replaced at once, for the job is to
blame, and whoever gave it out bounds how often that job is tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Backoff:
    """How patient to be."""

    first: float = 0.1
    """Seconds before the second attempt; each further wait is twice as long."""
    longest: float = 5.0
    """Seconds."""
    attempts: int = 8
    """Give up after so many in a row."""
    steady: float = 10.0
    """Seconds: what had lived so long when it died is no part of a row."""


@dataclass(frozen=True, slots=True)
class Respawn:
    """How it stands: failed attempts in a row, and until when to wait."""

    attempts: int = 0
    not_before: float = 0.0
    """time.monotonic()."""
    last_failure: float = 0.0
    """time.monotonic()."""
    fatal: bool = False

    def allows(self, now: float) -> bool:
        return not self.fatal and now >= self.not_before


CALM = Respawn()
GIVEN_UP = Respawn(fatal=True)


def after_failure(state: Respawn, backoff: Backoff, born: float, now: float) -> Respawn:
    """born: when the one that failed had been started. All that fail out of one attempt count once."""
    if state.attempts and born < state.last_failure:
        return replace(state, last_failure=now)
    attempts = 1 if now - born >= backoff.steady else state.attempts + 1
    wait = min(backoff.first * 2.0 ** (attempts - 1), backoff.longest)
    return Respawn(attempts, now + wait, now, attempts >= backoff.attempts)
