"""The worker's life as one state machine: running, quiet, draining, killing, done.

Signals only move it; the supervisor's loop acts on the state it finds (P9).
"""

from __future__ import annotations

import logging
import signal
from enum import IntEnum

from runtime.worker.exitcodes import ExitCode

logger = logging.getLogger("runtime.worker")

LAST_WORDS = 5.0
"""Seconds that a worker which kills its tasks waits for the broker to confirm; what it cannot
confirm by then comes back when its lease ends."""
PARTING = 10.0
"""Seconds that a worker whose tasks have all ended waits for a broker that is away to take their ends."""


class State(IntEnum):
    RUNNING = 0
    QUIET = 1
    """Takes nothing new; goes on with what it has (TSTP; CONT resumes)."""
    DRAINING = 2
    """Gives back what has not started, lets what runs finish (TERM, INT)."""
    KILLING = 3
    """Gives back everything, now (QUIT, a second TERM or INT, the end of the grace period)."""
    DONE = 4


def after_signal(state: State, number: int) -> State:
    """The state after this signal."""
    if number in (signal.SIGTERM, signal.SIGINT):
        if state < State.DRAINING:
            return State.DRAINING
        return max(state, State.KILLING)
    if number == signal.SIGQUIT:
        return max(state, State.KILLING)
    if number == signal.SIGTSTP and state == State.RUNNING:
        return State.QUIET
    if number == signal.SIGCONT and state == State.QUIET:
        return State.RUNNING
    return state


def after_turn(state: State, deadline: float, now: float, reserved: int, unconfirmed: int) -> State:
    """The state after a turn of the loop. deadline: when the present state may last no longer
    (time.monotonic() seconds); reserved: messages in our care; unconfirmed: what the broker has yet to
    confirm."""
    if state < State.DRAINING:
        return state
    if not reserved and not unconfirmed:
        return State.DONE
    if now >= deadline:
        return State(state + 1) if reserved else State.DONE
    return state


class Life:
    """Where a worker is in its life, and how it will have ended. Each call says whether a state was
    entered. Times are time.monotonic() seconds."""

    def __init__(self, grace: float | None) -> None:
        """`grace`: seconds for running tasks after TERM; None: without bound."""
        self._grace = float("inf") if grace is None else grace
        self.state = State.RUNNING
        self.deadline = float("inf")
        """When the present state ends at the latest."""
        self.exit_code = ExitCode.OK

    def heed(self, number: int, now: float) -> bool:
        """A signal came."""
        return self._enter(after_signal(self.state, number), now)

    def fail(self, code: ExitCode, now: float) -> bool:
        """It cannot go on."""
        self.exit_code = code
        return self._enter(State.KILLING, now)

    def leave(self, code: ExitCode, now: float) -> bool:
        """It must not go on, but what runs may finish."""
        self.exit_code = code
        return self._enter(max(self.state, State.DRAINING), now)

    def turn(self, reserved: int, unconfirmed: int, now: float) -> bool:
        """A turn of the loop is over; see `after_turn`."""
        if self.state is State.DRAINING and not reserved:
            self.deadline = min(self.deadline, now + PARTING)
        return self._enter(after_turn(self.state, self.deadline, now, reserved, unconfirmed), now)

    def _enter(self, state: State, now: float) -> bool:
        if state is self.state:
            return False
        logger.info("Worker is %s", state.name.lower())
        self.state = state
        if state is State.DRAINING:
            self.deadline = now + self._grace
        elif state is State.KILLING:
            self.deadline = now + LAST_WORDS
        return True
