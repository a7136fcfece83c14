"""Messages that are not due yet.

Far ones go back into the broker's care at once (`Consumer.hold`), which costs this process nothing;
here wait only those due within about a second (P11)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from runtime.worker.ledger import Reservation

NEAR = 1.0
"""Seconds: what is due later than that is not kept here."""


class NearlyDue:
    """Reservations in the order of their due times. Owned by the supervisor's loop."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Reservation]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Reservation]:
        return (reservation for _, _, reservation in self._heap)

    def add(self, due: float, reservation: Reservation) -> None:
        """due: epoch seconds."""
        heapq.heappush(self._heap, (due, reservation.id, reservation))

    def next_due(self) -> float:
        """Epoch seconds; inf without any."""
        return self._heap[0][0] if self._heap else float("inf")

    def due(self, epoch: float) -> list[Reservation]:
        """Take out those whose time has come, earliest first."""
        ready = []
        while self._heap and self._heap[0][0] <= epoch:
            ready.append(heapq.heappop(self._heap)[2])
        return ready

    def withdraw(self, is_meant: Callable[[Reservation], bool]) -> list[Reservation]:
        """Take these out."""
        withdrawn = [reservation for reservation in self if is_meant(reservation)]
        if withdrawn:
            self._heap = [entry for entry in self._heap if not is_meant(entry[2])]
            heapq.heapify(self._heap)
        return withdrawn

    def clear(self) -> list[Reservation]:
        """Take out all."""
        reservations = [entry[2] for entry in sorted(self._heap)]
        self._heap.clear()
        return reservations
