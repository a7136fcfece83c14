from __future__ import annotations

import signal

import pytest

from runtime.worker.lifecycle import State, after_signal, after_turn

RUNNING, QUIET, DRAINING, KILLING, DONE = State


@pytest.mark.parametrize(
    ("state", "number", "following"),
    [
        (RUNNING, signal.SIGTERM, DRAINING),
        (RUNNING, signal.SIGINT, DRAINING),
        (RUNNING, signal.SIGQUIT, KILLING),
        (QUIET, signal.SIGTERM, DRAINING),
        (DRAINING, signal.SIGTERM, KILLING),
        (DRAINING, signal.SIGINT, KILLING),
        (DRAINING, signal.SIGQUIT, KILLING),
        (KILLING, signal.SIGTERM, KILLING),
        (DONE, signal.SIGTERM, DONE),
        (RUNNING, signal.SIGTSTP, QUIET),
        (QUIET, signal.SIGCONT, RUNNING),
        (DRAINING, signal.SIGTSTP, DRAINING),
        (DRAINING, signal.SIGCONT, DRAINING),
    ],
)
def test_a_signal_moves_the_state(state: State, number: int, following: State) -> None:
    assert after_signal(state, number) is following


@pytest.mark.parametrize(
    ("state", "late", "reserved", "unconfirmed", "following"),
    [
        (RUNNING, True, 0, 0, RUNNING),
        (QUIET, True, 0, 0, QUIET),
        (DRAINING, False, 3, 0, DRAINING),
        (DRAINING, False, 0, 3, DRAINING),
        (DRAINING, False, 0, 0, DONE),
        (DRAINING, True, 3, 0, KILLING),
        (DRAINING, True, 0, 3, DONE),
        (KILLING, False, 3, 0, KILLING),
        (KILLING, False, 0, 3, KILLING),
        (KILLING, False, 0, 0, DONE),
        (KILLING, True, 3, 3, DONE),
    ],
)
def test_a_turn_moves_the_state(
    state: State, late: bool, reserved: int, unconfirmed: int, following: State
) -> None:
    deadline = 0.0 if late else 10.0
    assert after_turn(state, deadline, 5.0, reserved, unconfirmed) is following
