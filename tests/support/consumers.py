"""Drives a consumer as the supervisor's loop does, for tests that look at one of its verbs."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from brokers.interface import Backlog, BrokerError, Consumer, Delivery, Held, Settlement


class Driven:
    """A consumer and all that it has reported. A context manager: leaving it closes the consumer."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.deliveries: list[Delivery] = []
        self.sighted: list[Delivery] = []
        self.fenced: list[str] = []
        self.refused: list[str] = []
        self.problems: list[BrokerError] = []
        self.backlogs: list[Backlog] = []
        self.namesakes: list[str] = []
        self.looks: list[list[Held]] = []
        self.settled = self.restored = self.connected = self.evicted = 0
        self.taken = self.taking = self.awakened = 0

    def __enter__(self) -> Self:
        self.consumer.connect(5)
        self.turn(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.consumer.close(1)

    def turn(self, timeout: float) -> None:
        """One turn of the loop: wait until something can be read or is due, then receive."""
        poller = select.poll()
        poller.register(self.consumer.fileno(), select.POLLIN)
        wait = min(timeout, self.consumer.next_deadline() - time.monotonic())
        poller.poll(max(wait, 0) * 1000)
        received = self.consumer.receive(time.monotonic())
        self.deliveries += received.deliveries
        self.sighted += received.sighted
        self.fenced += received.fenced
        self.refused += received.refused
        self.namesakes += received.namesakes
        self.settled += received.settled
        self.restored += received.restored
        self.awakened += received.awake
        self.taking += received.taking
        self.connected += received.connected
        self.taken += received.taken
        self.evicted += received.evicted
        if received.backlog is not None:
            self.backlogs.append(received.backlog)
        if received.held is not None:
            self.looks.append(received.held)
        if received.problem is not None:
            self.problems.append(received.problem)

    def until(self, condition: Callable[[], object], timeout: float = 10) -> None:
        """Turn until the condition is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            remaining = deadline - time.monotonic()
            assert remaining > 0, f"not within {timeout} s; problems: {self.problems}"
            self.turn(min(remaining, 0.05))

    def take(self, limit: int = 100) -> list[Delivery]:
        """What one take brings."""
        before, answers = len(self.deliveries), self.taken
        self.consumer.take(limit)
        self.until(lambda: self.taken > answers)
        return self.deliveries[before:]

    def take_all(self, count: int) -> list[Delivery]:
        """What so many takes bring as are needed for `count` messages."""
        before = len(self.deliveries)
        while len(self.deliveries) < before + count:
            self.take(count)
        return self.deliveries[before:]

    def settle(self, *settlements: Settlement) -> None:
        """Returns once they are confirmed."""
        self.consumer.settle(settlements)
        self.until(lambda: self.consumer.pending() == 0)

    def hold(self, *held: tuple[str, float]) -> None:
        """Returns once they are confirmed."""
        self.consumer.hold(held)
        self.until(lambda: self.consumer.pending() == 0)

    def measure(self) -> Backlog:
        """Returns the answer."""
        answers = len(self.backlogs)
        self.consumer.measure()
        self.until(lambda: len(self.backlogs) > answers)
        return self.backlogs[-1]

    def look(self, most: int = 100) -> list[Held]:
        """Returns the answer."""
        answers = len(self.looks)
        self.consumer.look(most)
        self.until(lambda: len(self.looks) > answers)
        return self.looks[-1]
