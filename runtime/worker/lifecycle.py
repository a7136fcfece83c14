"""The worker's life as one state machine: running, quiet, draining, killing, done.

Signals only move it; the supervisor's loop acts on the state it finds (P9).
"""

from __future__ import annotations

import signal
from enum import IntEnum


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
