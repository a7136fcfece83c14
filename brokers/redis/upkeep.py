"""Does what is due by time, and what was added: one chore after the other, one command at a time."""

from __future__ import annotations

import random
from collections import deque

from brokers.redis.address import Address
from brokers.redis.chore import Chore, Outcome
from brokers.redis.keys import Keys
from brokers.redis.recovery import refresh, sweep
from brokers.redis.requests import ChoreStep, Requests, Subject
from brokers.redis.scripts import Command

SHORTEST = 0.1
"""Seconds between two refreshes, at least: something else is to be done too."""


class Upkeep:
    """Times are time.monotonic() seconds."""

    def __init__(self, address: Address, keys: Keys, incarnation: str, requests: Requests) -> None:
        transport = address.transport
        self._address = address
        self._keys = keys
        self._incarnation = incarnation
        self._requests = requests
        self._refresh_every = max(transport.visibility_timeout / 4, SHORTEST)
        self._sweep_every = transport.unacked_restore_interval * transport.unacked_restore_throttle
        self._next_refresh = self._next_sweep = float("inf")
        self._waiting: deque[tuple[Chore, Command | None]] = deque()
        """Each with what it asks next, if it has been begun."""
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
        self._waiting.append((chore, None))

    def drop(self) -> None:
        """What has been begun: an answer will not come, and what is known may be long out of date."""
        self._chore = None
        self._waiting = deque(each for each in self._waiting if each[1] is None)

    def busy(self) -> bool:
        return self._chore is not None or bool(self._waiting)

    def attend(self, now: float) -> None:
        """Begin what is due, or go on, if no answer is awaited."""
        if self._chore is None:
            self._add_due(now)
            if self._waiting:
                self._chore, command = self._waiting.popleft()
                self._requests.send(ChoreStep(self._chore), command or next(self._chore))

    def answered(self, chore: Chore, reply: object) -> Outcome | None:
        """A step of this chore was: `attend` goes on with it. What it has come to when it ends; None before,
        and of one that was dropped."""
        if chore is not self._chore:
            return None
        self._chore = None
        try:
            self._waiting.appendleft((chore, chore.send(reply)))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        return None

    def refused(self, step: Subject) -> None:
        """By the server: it can wait, and is begun anew another time, while the messages go on."""
        if isinstance(step, ChoreStep) and step.chore is self._chore:
            self._chore = None

    def next_deadline(self) -> float:
        """When `attend` has something to do at the latest."""
        if self._chore is not None:
            return float("inf")
        return float("-inf") if self._waiting else min(self._next_refresh, self._next_sweep)

    def _add_due(self, now: float) -> None:
        if now >= self._next_refresh:
            # Between two steps of another one: a recovery may take longer than Celery's patience.
            self._next_refresh = now + self._refresh_every
            self._waiting.appendleft((refresh(self._keys, self._incarnation, self._refresh_every), None))
        if now >= self._next_sweep:
            # Spread, so that not all workers ask for the mutex at once.
            self._next_sweep = now + self._sweep_every * random.uniform(0.8, 1.2)
            self.add(sweep(self._address, self._keys, self._incarnation))
