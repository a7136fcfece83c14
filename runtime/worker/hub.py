"""Where the loop waits: for its own descriptors, and for all that attends it."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Collection
from math import inf

from brokers.interface import Settlement
from runtime.bootsteps.attendant import Attendant

logger = logging.getLogger("runtime.worker")

LONGEST = 5.0
"""Seconds that one wait lasts at most."""


class Hub:
    """Owns the attendants. Supervisor's loop only."""

    def __init__(self) -> None:
        self._poller = select.epoll()
        self._attendants: tuple[tuple[int | None, Attendant], ...] = ()
        """With their descriptors. Replaced, not changed: who attends may attach and detach."""

    def watch(self, descriptor: int) -> None:
        """One that `wait` tells of, and that the loop takes care of itself."""
        self._poller.register(descriptor, select.EPOLLIN)

    def attach(self, attendant: Attendant) -> None:
        descriptor = attendant.fileno()
        if descriptor is not None:
            self._poller.register(descriptor, select.EPOLLIN)
        self._attendants = (*self._attendants, (descriptor, attendant))

    def detach(self, attendant: Attendant) -> None:
        """Before its descriptor is closed. One that is not attached (any more) is no error."""
        for descriptor, each in self._attendants:
            if each is attendant and descriptor is not None:
                self._poller.unregister(descriptor)
        self._attendants = tuple(entry for entry in self._attendants if entry[1] is not attendant)

    def wait(self, deadline: float) -> set[int]:
        """Until something can be read, or the deadline, or the first one of an attendant (time.monotonic()
        seconds); which descriptors are."""
        for _, attendant in self._attendants:
            deadline = min(deadline, self._deadline(attendant))
        timeout = min(max(0.0, deadline - time.monotonic()), LONGEST)
        return {descriptor for descriptor, _ in self._poller.poll(timeout)}

    def attend(self, readable: Collection[int], now: float) -> list[Settlement]:
        """Whoever has something to do. What is to be settled because of it."""
        settlements: list[Settlement] = []
        for descriptor, attendant in self._attendants:
            if descriptor in readable or now >= self._deadline(attendant):
                try:
                    settlements += attendant.attend(now)
                except Exception:  # noqa: BLE001  (users' too: no harm to the messages)
                    self._let_go(attendant)
        return settlements

    def close(self) -> None:
        self._poller.close()

    def _deadline(self, attendant: Attendant) -> float:
        try:
            return attendant.next_deadline()
        except Exception:  # noqa: BLE001  (users' too: no harm to the messages)
            self._let_go(attendant)
            return inf

    def _let_go(self, attendant: Attendant) -> None:
        logger.exception("%s is attended no more: it failed", type(attendant).__qualname__)
        self.detach(attendant)
