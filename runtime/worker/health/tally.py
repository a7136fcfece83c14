"""A worker's counts, as plain numbers.

Not prometheus-client's own counters and histograms: with their locks and labels a task's end costs
7.5 µs, more than half of what the supervisor needs for the task; this costs 1 µs. They become metrics when
somebody asks (`exposition`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from time import time

from brokers.interface import Settlement
from runtime.worker.health.meters import Meters
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.verdict import Verdict

TASK_BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600)
"""Seconds. Each costs several µs for each task at each scrape, in the loop."""
TURN_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Distribution:
    """How many values there were up to each bound."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Not cumulative; the last is for what is beyond all bounds."""
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class TaskTally:
    """The ends of one task's runs."""

    __slots__ = ("run", "states")

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.run = Distribution(TASK_BOUNDS)
        """Seconds from a start to its end."""


class Tally(Meters):
    """See Meters; its fields are for `exposition` to read."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskTally] = {}
        """By name; only names that the children know come here, so there are not too many."""
        self.waits: dict[str, Distribution] = {}
        """By queue: seconds from a message's arrival here, or its ETA, to its start."""
        self.turns = Distribution(TURN_BOUNDS)
        self.redeliveries = {"child": 0, "worker": 0}
        """By what has died."""
        self.dead_letters = 0
        self.refusals = 0
        self.too_late = 0
        self.reconnects = 0
        self.unspoken_messages = {"unheard": 0, "unsaid": 0}

    def turned(self, seconds: float) -> None:
        self.turns.add(seconds)

    def ended(self, reservation: Reservation, state: str, at: float) -> None:
        name = reservation.task.name
        tally = self.tasks.get(name)
        if tally is None:
            tally = self.tasks[name] = TaskTally()
        tally.states[state] += 1
        if reservation.started is not None:
            tally.run.add(at - reservation.started)
            wait = self.waits.get(reservation.queue)
            if wait is None:
                wait = self.waits[reservation.queue] = Distribution(TASK_BOUNDS)
            wait.add(_waited(reservation, reservation.started, at))

    def lost(self, reservation: Reservation, verdict: Verdict, at: float) -> None:
        self.ended(reservation, "LOST", at)
        if verdict is Verdict.REDELIVER:
            self.redeliveries["child"] += 1

    def refused(self) -> None:
        self.refusals += 1

    def restored(self, messages: int) -> None:
        self.redeliveries["worker"] += messages

    def settled(self, settlements: Sequence[Settlement]) -> None:
        self.dead_letters += sum(settlement.dead is not None for settlement in settlements)

    def fenced(self, settlements: int) -> None:
        self.too_late += settlements

    def reconnected(self) -> None:
        self.reconnects += 1

    def unspoken(self, unheard: int, unsaid: int) -> None:
        self.unspoken_messages["unheard"] += unheard
        self.unspoken_messages["unsaid"] += unsaid


def _waited(reservation: Reservation, started: float, at: float) -> float:
    """An ETA is in epoch seconds, the rest in those of the monotonic clock."""
    eta = reservation.task.eta
    due = reservation.received if eta is None else max(reservation.received, eta - time() + at)
    return max(0.0, started - due)
