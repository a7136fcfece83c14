"""Who attends the loop, and the timer among them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from math import inf

import pytest

from brokers.interface import Settlement
from runtime.worker.hub import Hub
from runtime.worker.timer import Timer


class Broken:
    """An attendant that is always due, and fails."""

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        return -inf

    def attend(self, now: float) -> Sequence[Settlement]:
        raise ValueError("broken")


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def timer(hub: Hub) -> Timer:
    timer = Timer()
    hub.attach(timer)
    return timer


def turn(hub: Hub, until: Callable[[], object]) -> None:
    """Until it is so, for at most 5 s."""
    end = time.monotonic() + 5
    while not until() and time.monotonic() < end:
        hub.attend(hub.wait(end), time.monotonic())
    assert until()


def test_one_that_fails_is_attended_no_more(hub: Hub, timer: Timer, caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []
    hub.attach(Broken())
    timer.after(0.01, lambda: called.append("after"))
    turn(hub, lambda: called)
    assert caplog.text.count("Broken is attended no more") == 1


def test_functions_are_called_in_their_time_whatever_others_raise(
    hub: Hub, timer: Timer, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []
    timer.after(0.03, lambda: called.append("late"))
    timer.after(0.01, lambda: called.append("early"))
    timer.after(0.02, lambda: called.append("cancelled")).cancel()
    timer.every(0.005, lambda: 1 / 0)
    turn(hub, lambda: "late" in called)
    assert called == ["early", "late"]
    assert caplog.text.count("ZeroDivisionError: division by zero") > 1


def test_a_period_must_be_longer_than_nothing(timer: Timer) -> None:
    with pytest.raises(ValueError, match="every 0 seconds: must be more than 0"):
        timer.every(0, print)
