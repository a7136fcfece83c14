"""How a pool's size follows its load: the decision."""

from __future__ import annotations

from collections.abc import Callable

from runtime.worker.autoscale import CALM, LOOK, Seen, decide
from runtime.worker.size import Bounds

BOUNDS = Bounds(most=16, least=2)


class Model:
    """A pool as decided; `load` is how many tasks there are to run at a time."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.now = 1000.0
        self.seen = Seen()

    def run(self, seconds: float, load: Callable[[float], int], held: int = 0) -> list[int]:
        """Every change of size. held: how many waiting tasks a worker without a free slot holds."""
        sizes: list[int] = []
        end = self.now + seconds
        while self.now < end:
            running = min(self.slots, load(self.now))
            waiting = min(held, load(self.now) - running)
            self.seen, change = decide(self.seen, BOUNDS, self.slots, running, waiting, self.now)
            self.slots += change
            if change:
                sizes.append(self.slots)
            self.now += LOOK
        return sizes


def test_it_grows_while_every_slot_is_busy_up_to_the_bound() -> None:
    model = Model(2)
    assert model.run(5, lambda now: 1000) == [3, 5, 8, 12, 16]
    assert model.run(100, lambda now: 1000) == []


def test_it_grows_by_what_waits() -> None:
    assert Model(2).run(0.5, lambda now: 1000, held=9) == [11]


def test_it_stops_growing_when_a_slot_stays_free() -> None:
    assert Model(2).run(10, lambda now: 4) == [3, 5]


def test_a_short_burst_is_no_reason() -> None:
    assert Model(2).run(10, lambda now: 9 if now % 1 < LOOK else 1) == []


def test_it_shrinks_to_one_more_than_were_in_use_for_long() -> None:
    model = Model(16)
    assert model.run(CALM - 1, lambda now: 5) == []
    assert model.run(10 * CALM, lambda now: 5) == [6]


def test_it_shrinks_to_the_fewest() -> None:
    model = Model(16)
    assert model.run(CALM + 1, lambda now: 0) == [2]
    assert model.run(10 * CALM, lambda now: 0) == []


def test_a_regular_peak_keeps_its_slots() -> None:
    assert Model(12).run(10 * CALM, lambda now: 9 if now % 20 < 1 else 0) == [10]
