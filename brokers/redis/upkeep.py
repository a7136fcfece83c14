"""Does what is due by time, and what was added: one chore at a time, one command at a time."""

from __future__ import annotations

import random
from collections import deque

from brokers.redis.address import Address
from brokers.redis.chore import Chore, Outcome
from brokers.redis.keys import Keys
from brokers.redis.recovery import refresh, sweep
from brokers.redis.requests import ChoreStep, Requests, Subject
from brokers.redis.scripts import Command


class Upkeep:
    """Times are time.monotonic() seconds."""

    def __init__(self, address: Address, keys: Keys, incarnation: str, requests: Requests) -> None:
        transport = address.transport
        self._address = address
        self._keys = keys
        self._incarnation = incarnation
        self._requests = requests
        self._refresh_every = transport.visibility_timeout / 4
        self._sweep_every = transport.unacked_restore_interval * transport.unacked_restore_throttle
        self._next_refresh = self._next_sweep = float("inf")
        self._waiting: deque[Chore] = deque()
        self._chore: Chore | None = None
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
        if self._chore is not None:
            self._chore.close()
            self._chore = None

    def busy(self) -> bool:
        return self._chore is not None or bool(self._waiting)

    def attend(self, now: float) -> None:
        """Begin what is due, if nothing is being done."""
        if self._chore is None:
            self._add_due(now)
            if self._waiting:
                self._chore = self._waiting.popleft()
                self._ask(self._chore, next(self._chore))

    def answered(self, chore: Chore, reply: object) -> Outcome | None:
        """A step of this chore was: it goes on. What it has come to when it ends; None before, and of one
        that was dropped."""
        if chore is not self._chore:
            return None
        try:
            command = chore.send(reply)
        except StopIteration as end:
            self._chore = None
            outcome: Outcome = end.value
            return outcome
        self._ask(chore, command)
        return None

    def refused(self, step: Subject) -> None:
        """By the server: it can wait, and is begun anew another time, while the messages go on."""
        if isinstance(step, ChoreStep) and step.chore is self._chore:
            self.drop()

    def next_deadline(self) -> float:
        """When `attend` has something to do at the latest."""
        if self._chore is not None:
            return float("inf")
        return float("-inf") if self._waiting else min(self._next_refresh, self._next_sweep)

    def _ask(self, chore: Chore, command: Command) -> None:
        self._requests.send(ChoreStep(chore), command)

    def _add_due(self, now: float) -> None:
        if now >= self._next_refresh:
            self._next_refresh = now + self._refresh_every
            self._waiting.append(refresh(self._keys, self._incarnation, self._refresh_every))
        if now >= self._next_sweep:
            # Spread, so that not all workers ask for the mutex at once.
            self._next_sweep = now + self._sweep_every * random.uniform(0.8, 1.2)
            self._waiting.append(sweep(self._address, self._keys, self._incarnation))
