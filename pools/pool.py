"""A pool of children, the supervisor's side: the same for every kind (see `pools.child`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from time import monotonic

from pools.allotment import allot
from pools.child_handle import ChildHandle
from pools.interface import ChildOptions, Event, Finished, Job, Lost, Started, TimedOut
from pools.limits import Limits
from pools.population import Population
from pools.respawn import Backoff
from pools.transport import FAILED, FINISHED, STARTED, Record

_LEAVE_TIMEOUT = 10.0
"""Seconds that an idle child which was told to go may take before it is killed."""


class ChildPool:
    """Implements `pools.interface.Pool`.

    serve: `module:function`, the children's loop. Raises ValueError when slots is less than 1.
    """

    def __init__(self, slots: int, options: ChildOptions, serve: str, backoff: Backoff) -> None:
        if slots < 1:
            raise ValueError(f"slots is {slots}; a pool has at least 1")
        self._population = Population(slots, options, serve, backoff)
        self._idle: dict[ChildHandle, None] = {}
        """Ready, without a job, and free to take one."""
        self._busy: dict[ChildHandle, None] = {}
        """With a job, running or sent."""
        self._waiting: dict[int, Job] = {}
        """Accepted and not begun, in the order of acceptance."""
        self._homeless: deque[int] = deque()
        """Those of `_waiting` whose child has died or retired."""
        self._limits = Limits()

    def start(self) -> None:
        self._population.reload()

    def restart(self) -> None:
        self._population.reload()

    def fileno(self) -> int:
        return self._population.fileno()

    def next_deadline(self) -> float:
        return min(self._limits.next_deadline, self._population.next_deadline())

    def slots(self) -> int:
        return self._population.size

    def idle(self) -> int:
        # While a child is being replaced there is one more than slots: the new one must not
        # run a job before the old one has ended its last.
        return max(0, min(len(self._idle), self._population.size - len(self._busy)))

    def queued(self) -> int:
        return len(self._waiting)

    def running(self) -> dict[int, float]:
        return {job: at for child in self._busy for job, at in child.running.items()}

    def pids(self) -> list[int]:
        return [child.pid for child in self._population if child.pid]

    def ends(self) -> Mapping[str, int]:
        return self._population.ends

    # Jobs down ----------------------------------------------------------------------------------------

    def submit(self, jobs: Sequence[Job], depth: int) -> int:
        if self._homeless:
            self._rehouse(depth)
            if self._homeless:
                return 0
        return self._hand_out(jobs, depth)

    def _hand_out(self, jobs: Sequence[Job], depth: int) -> int:
        """As many as there is room for, from the front; how many."""
        most = 1 + depth
        children = list(self._idle)[: self.idle()]
        idle_rooms = [int(min(most, child.budget)) for child in children]
        busy_rooms: list[int] = []
        if depth and len(jobs) > len(children):
            busy = [child for child in self._busy if not child.retiring]
            busy_rooms = [int(min(max(0, most - child.outstanding()), child.budget)) for child in busy]
            children += busy
        given = 0
        for child, share in zip(children, allot(len(jobs), idle_rooms, busy_rooms), strict=False):
            given += self._give(child, jobs[given : given + share])
        return given

    def _give(self, child: ChildHandle, jobs: Sequence[Job]) -> int:
        """As many as its socket has room for; how many."""
        accepted = 0
        for job in jobs:
            if not child.send(job):
                break
            self._waiting[job.id] = job
            accepted += 1
        if accepted:
            self._idle.pop(child, None)
            self._busy[child] = None
            if not child.budget:
                self._population.disturb()
        return accepted

    def _rehouse(self, depth: int) -> None:
        """Give jobs out again whose child was lost before it began them."""
        for _ in range(self._hand_out([self._waiting[job] for job in self._homeless], depth)):
            self._homeless.popleft()

    def recall(self, now: float, stuck: float) -> list[Job]:
        taken = set(self._homeless)
        self._homeless.clear()
        for child in list(self._busy):
            started = min(child.running.values(), default=inf)
            if child.sent and (stuck <= 0 or started <= now - stuck):
                taken.update(child.take_back())
                self._settle(child)
        return [self._waiting.pop(job) for job in list(self._waiting) if job in taken]

    # Events up ----------------------------------------------------------------------------------------

    def receive(self, now: float) -> list[Event]:
        events: list[Event] = []
        news = self._population.receive(now)
        for child in news.speaking:
            self._hear(child, child.reports.receive(), events)
        for child, exitcode in news.dead:
            self._bury(child, exitcode, now, events)
        events += news.events
        if now >= self._limits.next_deadline:
            self._enforce(now)
        self._renew(now, events)
        if self._homeless:
            self._rehouse(0)
        return events

    def _hear(self, child: ChildHandle, records: Iterable[Record], events: list[Event]) -> None:
        for kind, job, at, payload in records:
            if kind == STARTED:
                self._begin(child, job, at)
                events.append(Started(job, at, child.pid))
            elif kind == FINISHED:
                del child.running[job]
                if self._limits:
                    self._limits.forget(job)
                events.append(Finished(job, payload, at))
                self._population.prove(child)
            elif kind == FAILED:
                child.failure = payload.decode()
            else:
                child.ready = True
                self._population.disturb()
        self._settle(child)

    def _begin(self, child: ChildHandle, number: int, at: float) -> None:
        job = self._waiting.pop(number)
        del child.sent[number]
        child.running[number] = at
        if job.soft is not None or job.hard is not None:
            self._limits.watch(job, at)

    def _settle(self, child: ChildHandle) -> None:
        """Put it where it belongs if it has nothing to do now."""
        if child.sent or child.running:
            return
        self._busy.pop(child, None)
        if child.retiring:
            child.dismiss(monotonic() + _LEAVE_TIMEOUT)
            self._population.disturb()
        elif child.ready and child.budget:
            self._idle[child] = None

    def _bury(self, child: ChildHandle, exitcode: int, now: float, events: list[Event]) -> None:
        """Exactly one end for each of its jobs: those begun and not answered are lost, the others go
        to another child."""
        self._hear(child, child.reports.drain(), events)
        self._idle.pop(child, None)
        self._busy.pop(child, None)
        self._homeless.extendleft(reversed(child.sent))
        for job in child.running:
            self._limits.forget(job)
            limit = child.timed_out.get(job)
            events.append(Lost(job, exitcode, child.pid) if limit is None else TimedOut(job, limit))
        failure = self._population.bury(child, exitcode, now)
        if failure is not None:
            events.append(failure)

    def _renew(self, now: float, events: list[Event]) -> None:
        retiring, failure = self._population.renew(now)
        for child in retiring:
            child.retiring = True
            self._idle.pop(child, None)
            self._homeless.extend(child.take_back())
            self._settle(child)
        if failure is not None:
            events.append(failure)

    # Limits -------------------------------------------------------------------------------------------

    def _enforce(self, now: float) -> None:
        for overrun in self._limits.overruns(now):
            child = next(child for child in self._busy if overrun.job in child.running)
            if overrun.hard:
                child.timed_out[overrun.job] = overrun.limit
                child.kill(now)
            else:
                child.limit(overrun.job)

    def kill(self, jobs: Sequence[int]) -> None:
        now = monotonic()
        for child in self._busy:
            if not child.running.keys().isdisjoint(jobs):
                child.kill(now)

    def dump_stacks(self) -> None:
        for child in self._busy:
            child.dump_stacks()

    # Size and end -------------------------------------------------------------------------------------

    def grow(self, slots: int) -> None:
        self._population.size += slots
        self._population.disturb()

    def shrink(self, slots: int) -> None:
        size = self._population.size
        if slots >= size:
            raise ValueError(f"cannot shrink by {slots}: the pool has {size} and keeps at least 1")
        self._population.size -= slots
        self._population.disturb()

    def stop(self, timeout: float) -> None:
        deadline = monotonic() + timeout
        for child in self._population:
            child.take_back()
            child.dismiss(deadline)
        self._wait_for_children(deadline)
        self._population.end()

    def _wait_for_children(self, deadline: float) -> None:
        """As long as they may take. Only the dead are of interest."""
        while any(True for _ in self._population) and (left := deadline - monotonic()) > 0:
            self._population.wait(left)
            now = monotonic()
            news = self._population.receive(now)
            for child in news.speaking:
                child.reports.receive()  # or it could block on a full socket, and not leave
            for child, exitcode in news.dead:
                self._population.bury(child, exitcode, now)
