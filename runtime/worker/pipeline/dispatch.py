"""What is ready to run, and its hand-over to the pool."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from brokers import envelope
from pools.interface import Job, Pool
from runtime.execution.report import TELL
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.prefetch import depth
from runtime.worker.pipeline.verdict import is_suspect
from runtime.worker.record import Record

STUCK = 0.02
"""Seconds that a job may run before what is queued behind it is taken back."""
STALLED = 0.1
"""Seconds without any end, all slots busy, after which what waits here is given back to the queue."""
OVERDUE = 0.15
"""Seconds in line after which the same happens, though there are ends: tasks have become slower than those
by whose pace they were asked for."""


class Dispatcher:
    """Owns the line of ready reservations, first come first served. Supervisor's loop only."""

    def __init__(
        self,
        pool: Pool,
        pace: Pace,
        record: Record,
        time_limit: float | None,
        soft_time_limit: float | None,
    ) -> None:
        self._pool = pool
        self._record = record
        self._pace = pace
        self._limits = (soft_time_limit, time_limit)
        self._ready: deque[Reservation] = deque()
        self._suspects: deque[Reservation] = deque()
        """Those that run beside no other; a line of their own, for the others need not wait for them."""
        self._submitted: dict[int, Reservation] = {}
        self._next_recall = 0.0
        self.moved_at = 0.0
        """time.monotonic() of the last end of a task, or of the last hand-over."""

    def __len__(self) -> int:
        """Reservations that no child has been given."""
        return len(self._ready) + len(self._suspects)

    def ready(self) -> int:
        """Those of them that wait for any slot, and not for a child of their own."""
        return len(self._ready)

    def add(self, reservations: Iterable[Reservation], now: float) -> None:
        for reservation in reservations:
            reservation.ready_at = now
            self._line(reservation).append(reservation)

    def _line(self, reservation: Reservation) -> deque[Reservation]:
        """The one in which it waits."""
        deaths = envelope.deaths(reservation.task.properties)
        if deaths and is_suspect(deaths, reservation.options.max_deliveries):
            return self._suspects
        return self._ready

    def dispatch(self, now: float) -> int:
        """Hand over as many as there is room for; how many were accepted."""
        accepted = self._isolate() if self._suspects else 0
        while self._ready:
            ahead = self._ahead(self._ready[0].task.name)
            room = self._pool.room(ahead)
            if not room:
                break
            batch = self._alike(ahead, room)
            taken = self._pool.submit([self._job(reservation) for reservation in batch], ahead)
            for reservation in batch[:taken]:
                self._submitted[reservation.id] = reservation
            accepted += taken
            if taken < len(batch):
                self._ready.extendleft(reversed(batch[taken:]))
                break
        if accepted:
            self.moved_at = now
        return accepted

    def _isolate(self) -> int:
        """Hand over as many suspects as may run; how many."""
        accepted = self._pool.isolate([self._job(reservation) for reservation in self._suspects])
        for _ in range(accepted):
            reservation = self._suspects.popleft()
            self._submitted[reservation.id] = reservation
        return accepted

    def _alike(self, ahead: int, most: int) -> list[Reservation]:
        """Take from the front those that may be queued ahead as deeply as the first."""
        batch = [self._ready.popleft()]
        name = batch[0].task.name
        while self._ready and len(batch) < most:
            following = self._ready[0].task.name
            if following != name and self._ahead(following) != ahead:
                break
            batch.append(self._ready.popleft())
        return batch

    def _ahead(self, name: str) -> int:
        """How many of these tasks to queue at a child."""
        return depth(self._pace.duration(name), self._pool.width())

    def _job(self, reservation: Reservation) -> Job:
        """Limits: the message's, else the task's, else the worker's, each by itself (PROTOCOL 9)."""
        task, options = reservation.task, reservation.options
        soft = task.soft_time_limit or options.soft_time_limit or self._limits[0]
        hard = task.time_limit or options.time_limit or self._limits[1]
        message = reservation.message
        return Job(reservation.id, TELL + message if self._record.wants_results() else message, soft, hard)

    def begun(self, job: int) -> None:
        """A child has started it: it cannot be taken back any more."""
        self._submitted.pop(job, None)

    def recall(self, now: float) -> None:
        """Take back what waits behind a job that has become slow, or has been queued for some time. It is
        ready again, first in line."""
        if now < self._next_recall or not self._pool.queued():
            return
        self._next_recall = now + STUCK
        self._put_back(self._take_back(now, STUCK))

    def retract(self, now: float) -> None:
        """Take back everything that has not started: nothing is to begin now. It is ready, first in line."""
        self._next_recall = now + STUCK
        self._put_back(self._take_back(now, 0.0))

    def next_recall(self) -> float:
        """When `recall` should be called again; inf while nothing is queued at a child."""
        return self._next_recall if self._pool.queued() else float("inf")

    def stalled(self, now: float) -> bool:
        """Whether what waits here has no prospect of a slot."""
        return now - self.moved_at >= STALLED and not self._pool.idle()

    def overdue(self, now: float) -> bool:
        """Whether the first in line should have had a slot by now."""
        return bool(self._ready) and now - self._ready[0].ready_at >= OVERDUE

    def next_stall(self) -> float:
        """When `stalled` or `overdue` may come true for something that waits here; inf: nothing does."""
        if not self:
            return float("inf")
        stall = float("inf") if self._pool.idle() else self.moved_at + STALLED
        return min(stall, self._ready[0].ready_at + OVERDUE if self._ready else float("inf"))

    def clear(self, now: float) -> list[Reservation]:
        """Take out everything that has not started, in line order; also from the children."""
        return [*self._take_back(now, 0.0), *self.give_up()]

    def withdraw(self, is_meant: Callable[[Reservation], bool], now: float) -> list[Reservation]:
        """Take these out if they have not started, also from the children."""
        if any(map(is_meant, self._submitted.values())):
            self.retract(now)
        withdrawn = []
        for line in (self._suspects, self._ready):
            for reservation in [each for each in line if is_meant(each)]:
                line.remove(reservation)
                withdrawn.append(reservation)
        return withdrawn

    def give_up(self) -> list[Reservation]:
        """Take out what no child has been given."""
        waiting = [*self._suspects, *self._ready]
        self._suspects.clear()
        self._ready.clear()
        return waiting

    def _put_back(self, reservations: list[Reservation]) -> None:
        """First in line."""
        for reservation in reversed(reservations):
            self._line(reservation).appendleft(reservation)

    def _take_back(self, now: float, stuck: float) -> list[Reservation]:
        return [self._submitted.pop(job.id) for job in self._pool.recall(now, stuck)]
