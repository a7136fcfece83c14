"""Which chore is being done, and which one is due next. One at a time, one command at a time."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator
from typing import Any

from brokers.redis.address import Address
from brokers.redis.keys import Keys
from brokers.redis.namesakes import Namesakes
from brokers.redis.recovery import refresh, sweep
from brokers.redis.scripts import Command

Chore = Generator[Command, Any, int | Namesakes]
"""See `recovery`; most return how many messages they put into queues."""


class Upkeep:
    """Times are time.monotonic() seconds."""

    def __init__(self, address: Address, keys: Keys, incarnation: str) -> None:
        transport = address.transport
        self._address = address
        self._keys = keys
        self._incarnation = incarnation
        self._refresh_every = transport.visibility_timeout / 4
        self._sweep_every = transport.unacked_restore_interval * transport.unacked_restore_throttle
        self._next_refresh = self._next_sweep = float("inf")
        self._waiting: deque[Chore] = deque()
        self.chore: Chore | None = None
        """The one that is being done; it waits for an answer."""

    def begin(self, now: float) -> None:
        """From now on do what is due by time. The first sweep comes at once (PROTOCOL 8.4)."""
        self._next_sweep = now
        self._next_refresh = now + self._refresh_every

    def end(self) -> None:
        """Nothing more but what is added from now on."""
        self._next_refresh = self._next_sweep = float("inf")
        self._waiting.clear()
        self.drop()

    def add(self, chore: Chore) -> None:
        """To be done after those that wait."""
        self._waiting.append(chore)

    def drop(self) -> None:
        """The one that is being done: its answer will not come."""
        if self.chore is not None:
            self.chore.close()
            self.chore = None

    def busy(self) -> bool:
        return self.chore is not None or bool(self._waiting)

    def next_command(self, now: float) -> Command | None:
        """The first of a chore that is due, if none is being done."""
        if self.chore is not None:
            return None
        self._add_due(now)
        if not self._waiting:
            return None
        self.chore = self._waiting.popleft()
        return next(self.chore)

    def answer(self, reply: object) -> Command | int | Namesakes:
        """The next command of the chore that is being done; or, when it ends, how many messages it
        put into queues, or whom it has found."""
        assert self.chore is not None
        try:
            return self.chore.send(reply)
        except StopIteration as end:
            self.chore = None
            result: int | Namesakes = end.value
            return result

    def next_deadline(self) -> float:
        """When `next_command` has something at the latest."""
        if self.chore is not None:
            return float("inf")
        return float("-inf") if self._waiting else min(self._next_refresh, self._next_sweep)

    def _add_due(self, now: float) -> None:
        if now >= self._next_refresh:
            self._next_refresh = now + self._refresh_every
            self._waiting.append(refresh(self._keys, self._incarnation, self._refresh_every))
        if now >= self._next_sweep:
            # Spread, so that not all workers ask for the mutex at once.
            self._next_sweep = now + self._sweep_every * random.uniform(0.8, 1.2)
            self._waiting.append(sweep(self._address, self._keys, self._incarnation))
