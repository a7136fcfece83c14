"""Tasks that wait because of their rate limit (PROTOCOL 9, step 7).

As with those that are not due yet, only what may start within about a second waits here. The others go
into the broker's care (`Consumer.hold`) until it is likely their turn, which costs neither memory nor a slot,
and holds up nobody else."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator

from runtime import rates
from runtime.execution.manifest import Manifest
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.bucket import Bucket

logger = logging.getLogger("runtime.worker")

NEAR = 1.0
"""Seconds: what has to wait longer does not wait here."""
BACK = 3.0
"""Seconds: the same for what comes back from there, as it does up to 1.5 s before its turn."""
PATIENCE = 10.0
"""Seconds between two times that all that is held is looked at anew."""


class _Line:
    """The tasks of one name."""

    __slots__ = ("bucket", "limit", "waiting")

    def __init__(self, limit: str | float | None) -> None:
        self.limit = limit
        self.bucket = Bucket(rates.per_second(limit))
        self.waiting: deque[Reservation] = deque()


class RateLimits:
    """Owned by the supervisor's loop. Times are time.monotonic() seconds."""

    def __init__(self, disabled: bool) -> None:
        self.disabled = disabled
        self._lines: dict[str, _Line] = {}
        """By the name of the task, for each that has a limit, or had one."""
        self._stale = False
        """What is held was given another turn than it would get now."""
        self._next_rouse = 0.0

    def any(self) -> bool:
        """Whether any task has a limit."""
        return bool(self._lines)

    def __len__(self) -> int:
        """Reservations that wait here."""
        return sum(len(line.waiting) for line in self._lines.values()) if self._lines else 0

    def __iter__(self) -> Iterator[Reservation]:
        return (reservation for line in self._lines.values() for reservation in line.waiting)

    def load(self, manifest: Manifest) -> None:
        """The limits of the children's (fresh) code. One that makes no sense is logged: a task may
        have got it after it was declared."""
        for name, line in self._lines.items():
            if name not in manifest:
                self._change(line, None)
        for name, options in manifest.items():
            try:
                self.change(name, options.rate_limit)
            except ValueError as error:
                logger.error("Task %s has no rate limit: %s", name, error)

    def change(self, name: str, limit: str | float | None) -> None:
        """Raises ValueError for what is no limit; None or 0: none."""
        rate = 0.0 if self.disabled else rates.per_second(limit)
        if name in self._lines:
            self._change(self._lines[name], limit)
        elif rate:
            self._lines[name] = _Line(limit)

    def _change(self, line: _Line, limit: str | float | None) -> None:
        if limit != line.limit:
            line.limit = limit
            self._stale = True
            line.bucket.change(rates.per_second(limit))

    def wait(self, reservation: Reservation, held: bool, most: float, now: float) -> float | None:
        """None: it has no limit. 0: it waits here. Else: in so many seconds it is likely its turn, or in
        `most`, when it need not be done any more. held: it comes back from the broker's care."""
        line = self._lines.get(reservation.task.name)
        if line is None:
            return None
        ahead = len(line.waiting)
        turn = line.bucket.turn(ahead, now) if held else line.bucket.next_turn(ahead, now)
        if turn <= now + (BACK if held else NEAR):
            line.bucket.book(turn)
            line.waiting.append(reservation)
            return 0.0
        turn = line.bucket.next_turn(ahead, now)
        if turn > now + most:
            return most
        line.bucket.book(turn)
        return turn - now

    def due(self, now: float) -> list[Reservation]:
        """Take out those that may start, in line order."""
        ready = []
        for line in self._lines.values():
            while line.waiting and line.bucket.take(now):
                ready.append(line.waiting.popleft())
        return ready

    def next_due(self, now: float) -> float:
        """When `due` has something, or `rouses` may be true; inf: not before something happens."""
        turns = [line.bucket.turn(0, now) for line in self._lines.values() if line.waiting]
        return min(self._next_rouse if self._stale else float("inf"), *turns, float("inf"))

    def rouses(self, now: float) -> bool:
        """Whether all that is held is to be brought back now, because it may start sooner or later than it
        was thought. Seldom: each one is then taken, and held again, anew."""
        if not self._stale or now < self._next_rouse:
            return False
        self._stale = False
        self._next_rouse = now + PATIENCE
        for line in self._lines.values():
            line.bucket.unbook()
        return True

    def withdraw(self, is_meant: Callable[[Reservation], bool], now: float) -> list[Reservation]:
        """Take these out. Some that are held may be meant too: their turns are free then."""
        self._stale = self._stale or any(line.bucket.has_booked(now) for line in self._lines.values())
        withdrawn = [reservation for reservation in self if is_meant(reservation)]
        for line in self._lines.values():
            line.waiting = deque(each for each in line.waiting if not is_meant(each))
        return withdrawn

    def clear(self) -> list[Reservation]:
        """Take out all. What is held is given away, too."""
        reservations = list(self)
        for line in self._lines.values():
            line.waiting.clear()
            line.bucket.unbook()
        return reservations
