"""A pool of children, the supervisor's side: the same for every kind (see `pools.child`)."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from time import monotonic

from pools.allotment import allot
from pools.child_handle import ChildHandle
from pools.dumps import Dumps
from pools.interface import ChildOptions, Event, Finished, Job, Lost, Started, TimedOut
from pools.kinds import Kind
from pools.limits import Limits
from pools.population import Population
from pools.respawn import Backoff
from pools.transport import FAILED, FINISHED, STARTED, Record
from pools.vacancies import Vacancies

WARD = 8
"""Most isolated jobs at a time; nor more than half of the slots, so that the others go on."""
_DEAF = 0.25
"""Seconds after which it is tried again whether a child whose jobs block it begins another one. Long
against what the caller waits for a slot until it takes a job elsewhere."""
_LATE = 5
"""How often the time after which a job counts as stuck one may wait behind others that do not: there
are too many of them, or they are slower than those before."""
_LEAVE_TIMEOUT = 10.0
"""Seconds that an idle child which was told to go may take before it is killed."""


class ChildPool:
    """Implements `pools.interface.Pool`.

    slots: in all. processes: the children over which they are spread; None: as many as slots where
    a child has one, else 1. Raises ValueError when that does not fit together.
    """

    def __init__(
        self,
        kind: Kind,
        slots: int,
        options: ChildOptions,
        processes: int | None = None,
        backoff: Backoff = Backoff(),  # noqa: B008  (it is frozen)
    ) -> None:
        if slots < 1:
            raise ValueError(f"slots is {slots}; a pool has at least 1")
        if processes is not None and not kind.wide:
            raise ValueError(f"processes is {processes}, but a {kind.name} pool has one for each slot")
        if processes is not None and not 1 <= processes <= slots:
            raise ValueError(f"processes is {processes}; it must be from 1 to {slots}, the slots")
        self._wide = kind.wide
        self._slots = slots
        size = (processes or 1) if kind.wide else slots
        self._population = Population(kind, size, _width(slots, size), options, backoff)
        self._drain_timeout = options.drain_timeout
        self._vacancies = Vacancies()
        self._busy: dict[ChildHandle, None] = {}
        """With a job, running or sent."""
        self._waiting: dict[int, Job] = {}
        """Accepted and not begun, in the order of acceptance."""
        self._homeless: deque[int] = deque()
        """Those of `_waiting` whose child has died or retired."""
        self._isolated: deque[int] = deque()
        """Those of `_waiting` that wait for a child of their own."""
        self._limits = Limits()
        self._dumps = Dumps()
        self._untold: list[Event] = []
        """Happened outside of `receive`."""

    def start(self) -> None:
        self._population.reload()

    def restart(self) -> None:
        self._population.reload()

    def fileno(self) -> int:
        return self._population.fileno()

    def next_deadline(self) -> float:
        if self._untold:
            return 0.0
        return min(
            self._limits.next_deadline,
            self._population.next_deadline(),
            self._vacancies.next_opening(),
            self._dumps.next_deadline,
        )

    def slots(self) -> int:
        return self._slots

    def width(self) -> int:
        return _width(self._slots, self._population.size)

    def idle(self) -> int:
        # While a child is being replaced there are more than slots: the new one must not run a job
        # before the old one has ended its last.
        return max(0, min(self._vacancies.free, self._slots - self._vacancies.occupied))

    def room(self, depth: int) -> int:
        open_children = self._population.size - self._vacancies.closed()
        return self.idle() + max(0, open_children * depth - self._vacancies.ahead)

    def queued(self) -> int:
        return len(self._waiting)

    def ahead(self) -> int:
        return self._vacancies.ahead + len(self._homeless) + len(self._isolated)

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
        children, free, rooms = self._vacancies.rooms(len(jobs), depth, self.idle(), self._busy)
        given = 0
        for child, share in zip(children, allot(len(jobs), free, rooms), strict=False):
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
            if len(child.sent) == accepted:
                child.moved_at = monotonic()
            self._busy[child] = None
            self._vacancies.count(child)
            if not child.budget:
                self._population.disturb()
        return accepted

    def _rehouse(self, depth: int) -> None:
        """Give jobs out again whose child was lost before it began them."""
        for _ in range(self._hand_out([self._waiting[job] for job in self._homeless], depth)):
            self._homeless.popleft()

    def isolate(self, jobs: Sequence[Job]) -> int:
        if not self._wide:
            return self.submit(jobs, 0)
        lone = len(self._isolated) + sum(child.lone for child in self._busy)
        accepted = jobs[: max(0, min(WARD, max(1, self._slots // 2)) - lone)]
        self._waiting.update((job.id, job) for job in accepted)
        self._isolated.extend(job.id for job in accepted)
        if accepted:  # else the population would want to be looked after in each turn
            self._seek_children()
        return len(accepted)

    def _seek_children(self) -> None:
        """Of their own, for the isolated."""
        self._population.lone = len(self._isolated)
        self._population.disturb()

    def _admit(self, child: ChildHandle) -> None:
        """A lone child is ready for its job; if that has been taken back meanwhile, it goes again."""
        if self._isolated and self._give(child, [self._waiting[self._isolated[0]]]):
            self._isolated.popleft()
        self._seek_children()

    def recall(self, now: float, stuck: float) -> list[Job]:
        taken = set(self._homeless)
        self._homeless.clear()
        if stuck <= 0 and self._isolated:
            taken.update(self._isolated)
            self._isolated.clear()
            self._seek_children()
        for child in list(self._busy):
            if not child.sent:
                continue
            is_stuck = stuck > 0 and child.stuck_since() <= now - stuck
            if stuck <= 0 or is_stuck or child.waits_since() <= now - _LATE * stuck:
                taken.update(child.take_back())
                if is_stuck and child.running:
                    self._vacancies.close(child, now + _DEAF if len(child.running) < child.width else inf)
                self._settle(child)
        return [self._waiting.pop(job) for job in list(self._waiting) if job in taken]

    # Events up ----------------------------------------------------------------------------------------

    def receive(self, now: float) -> list[Event]:
        events, self._untold = self._untold, []
        news = self._population.receive(now)
        for child in news.speaking:
            self._hear(child, child.reports.receive(), events)
        for child, exitcode in news.dead:
            self._bury(child, exitcode, now, events)
        events += news.events
        if now >= self._limits.next_deadline:
            self._enforce(now, events)
        self._dumps.go_on(self._busy, now)
        self._vacancies.reopen(now)
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
                if self._limits:
                    self._limits.forget(job)
                if child.running.pop(job, None) is None:
                    continue  # its end has been told, and the child condemned for it
                events.append(Finished(job, payload, at))
                self._population.prove(child)
            elif kind == FAILED:
                child.failure = payload.decode()
            else:
                child.ready = True
                self._population.disturb()
                if child.lone:
                    self._admit(child)
        self._vacancies.heard(child)
        self._settle(child)

    def _begin(self, child: ChildHandle, number: int, at: float) -> None:
        job = self._waiting.pop(number)
        del child.sent[number]
        child.running[number] = child.moved_at = at
        if job.soft is not None or job.hard is not None:
            self._limits.watch(job, at)

    def _settle(self, child: ChildHandle) -> None:
        """Put it where it belongs after a change."""
        self._vacancies.count(child)
        if child.sent or child.running:
            return
        self._busy.pop(child, None)
        if child.condemned:
            child.kill(monotonic())
        elif child.retiring:
            child.dismiss(monotonic() + _LEAVE_TIMEOUT)
            self._population.disturb()

    def _bury(self, child: ChildHandle, exitcode: int, now: float, events: list[Event]) -> None:
        """Exactly one end for each of its jobs: those begun and not answered are lost, the others go
        to another child."""
        self._hear(child, child.reports.drain(), events)
        self._vacancies.drop(child)
        self._busy.pop(child, None)
        (self._isolated if child.lone else self._homeless).extendleft(reversed(child.sent))
        if child.lone:
            self._seek_children()
        blameless = child.condemned and exitcode == -signal.SIGKILL
        for job in child.culprits:
            self._limits.forget(job)
        for job in child.running:
            self._limits.forget(job)
            if job in child.culprits:
                events.append(_ended(child, job, exitcode))
            else:
                events.append(Lost(job, exitcode, child.pid, blameless))
        failure = self._population.bury(child, exitcode, now)
        if failure is not None:
            events.append(failure)

    def _renew(self, now: float, events: list[Event]) -> None:
        retiring, failure = self._population.renew(now)
        for child in retiring:
            self._retire(child)
        if failure is not None:
            events.append(failure)

    def _retire(self, child: ChildHandle) -> None:
        """Used up, it does what it was given; else others do what it has not read."""
        child.retiring = True
        if child.budget or child.condemned:
            self._homeless.extend(child.take_back())
        self._settle(child)

    # Limits -------------------------------------------------------------------------------------------

    def _enforce(self, now: float, events: list[Event]) -> None:
        overruns = self._limits.overruns(now)
        for child in list(self._busy):
            mine = [each for each in overruns if each.job in child.running or each.job in child.culprits]
            soft = [overrun.job for overrun in mine if not overrun.hard]
            if soft:
                child.limit(soft)
            hard: dict[int, float | None] = {overrun.job: overrun.limit for overrun in mine if overrun.hard}
            if hard:
                self._end(child, hard, now, events)

    def kill(self, jobs: Sequence[int]) -> None:
        now = monotonic()
        for child in list(self._busy):
            mine: dict[int, float | None] = {job: None for job in jobs if job in child.running}
            if mine:
                self._end(child, mine, now, self._untold)

    def interrupt(self, jobs: Sequence[int]) -> None:
        now = monotonic()
        for job in self.running().keys() & set(jobs):
            self._limits.hasten(job, now)

    def send_signal(self, jobs: Sequence[int], number: signal.Signals) -> None:
        if self._wide:
            raise ValueError(f"{number.name} would hit all jobs of a child, which may run several")
        for child in list(self._busy):
            for job in child.running.keys() & set(jobs):
                child.send_signal(job, number)

    def _end(
        self, child: ChildHandle, culprits: dict[int, float | None], now: float, events: list[Event]
    ) -> None:
        """End these of its jobs: nobody can be stopped but the whole child. If it runs no other, it is
        killed, and they are told when it is dead. Else they are told now, for what they do from now
        on is of no interest, and the child is condemned."""
        child.culprits |= culprits
        if child.running.keys() <= culprits.keys():
            child.kill(now)
            return
        for job in culprits:
            del child.running[job]
            self._limits.pursue(job, now)  # perhaps it ends then, and does not hold the others up
            events.append(_ended(child, job, -signal.SIGKILL))
        if not child.condemned:
            child.condemned = True
            child.leave_by = now + self._drain_timeout
            self._population.disturb()
        self._retire(child)

    def dump_stacks(self) -> None:
        now = monotonic()
        self._dumps.ask(self._busy, now)
        self._dumps.go_on(self._busy, now)

    # Size and end -------------------------------------------------------------------------------------

    def grow(self, slots: int) -> None:
        self._resize(self._slots + slots)

    def shrink(self, slots: int) -> None:
        if slots >= self._slots:
            raise ValueError(f"cannot shrink by {slots}: the pool has {self._slots} and keeps at least 1")
        self._resize(self._slots - slots)

    def _resize(self, slots: int) -> None:
        """Children of one slot become more or fewer; wide ones become wider or narrower."""
        self._slots = slots
        if self._wide:
            self._population.widen(_width(slots, self._population.size))
            self._vacancies.reopen(inf)
            for child in self._population:
                self._vacancies.count(child)
        else:
            self._population.size = slots
            self._population.disturb()

    def stop(self, timeout: float) -> None:
        deadline = monotonic() + timeout
        for child in self._population:
            child.take_back()
            if child.condemned:
                child.kill(deadline)
            child.dismiss(deadline)
        self._population.end(deadline)


def _width(slots: int, children: int) -> int:
    return -(-slots // children)


def _ended(child: ChildHandle, job: int, exitcode: int) -> TimedOut | Lost:
    """The end of a job for which its child was killed or condemned."""
    limit = child.culprits[job]
    return Lost(job, exitcode, child.pid) if limit is None else TimedOut(job, limit)
