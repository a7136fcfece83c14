"""A pool of children: the supervisor's side, the same for every kind (see `pools.child`).

Each turn of `receive` hears what children and fork servers have said, checks the limits, then looks at
the facts anew: which children are missing, which may go.
"""

from __future__ import annotations

import itertools
import os
import select
import signal
from collections import deque
from collections.abc import Iterable, Sequence
from math import inf
from time import monotonic

from pools import memory
from pools.allotment import allot
from pools.child_handle import ChildHandle
from pools.control import Exited, Forked, Loaded, Message, NotForked, NotLoaded
from pools.forkserver_client import ForkServerClient
from pools.interface import (
    Booted,
    ChildFailed,
    ChildOptions,
    Event,
    Finished,
    Job,
    Lost,
    Started,
    TimedOut,
)
from pools.limits import Limits
from pools.replacement import Standing, change
from pools.respawn import CALM, Backoff, Respawn, after_failure
from pools.transport import FAILED, FINISHED, STARTED, Record, read_memory_file

_RECEIVE_BUFFER = 256 * 1024
"""Bytes; more than a socket holds."""
_ROUND = 1.0
"""Seconds between two looks at what must be watched by the clock: memory, boot and leave times."""
_LEAVE_TIMEOUT = 10.0
"""Seconds that a child which was told to go may take when it is idle, before it is killed."""
_BOOTING = 16
"""Children asked of the fork server and not ready yet, at most: the control socket must not fill."""


class ChildPool:
    """Implements `pools.interface.Pool`.

    serve: `module:function`, the children's loop.
    """

    def __init__(self, slots: int, options: ChildOptions, serve: str, backoff: Backoff) -> None:
        if slots < 1:
            raise ValueError(f"slots is {slots}; a pool has at least 1")
        self._slots = slots
        self._options = options
        self._serve = serve
        self._backoff = backoff
        self._buffer = memoryview(bytearray(_RECEIVE_BUFFER))
        self._epoll = select.epoll()
        self._sources: dict[int, ChildHandle | ForkServerClient] = {}
        """By the descriptor that the epoll watches."""
        self._server: ForkServerClient | None = None
        """Forks new children."""
        self._loading: ForkServerClient | None = None
        """Will take its place when its code is loaded."""
        self._children: dict[int, ChildHandle] = {}
        self._numbers = itertools.count(1)
        self._idle: dict[ChildHandle, None] = {}
        """Ready, without a job, and free to take one."""
        self._busy: dict[ChildHandle, None] = {}
        """With a job, running or sent."""
        self._waiting: dict[int, Job] = {}
        """Accepted and not begun, in the order of acceptance."""
        self._homeless: deque[int] = deque()
        """Those of `_waiting` whose child has died or retired."""
        self._limits = Limits()
        self._respawn = CALM
        self._unbalanced = False
        """Something has changed that may ask for other children."""
        self._reload = True
        """Code is to be loaded (anew)."""
        self._respawn_at = inf
        self._next_round = inf
        self._stopping = False

    # What the supervisor asks ---------------------------------------------------------------------

    def start(self) -> None:
        self._unbalanced = True

    def fileno(self) -> int:
        return self._epoll.fileno()

    def slots(self) -> int:
        return self._slots

    def idle(self) -> int:
        # While a child is being replaced there is one more than slots; the new one must not
        # run a job before the old one has ended its last.
        return max(0, min(len(self._idle), self._slots - len(self._busy)))

    def queued(self) -> int:
        return len(self._waiting)

    def running(self) -> dict[int, float]:
        return {job: at for child in self._busy for job, at in child.running.items()}

    def pids(self) -> list[int]:
        return [child.pid for child in self._children.values() if child.pid]

    def next_deadline(self) -> float:
        if self._unbalanced or (self._homeless and self.idle()):
            return 0.0
        return min(self._limits.next_deadline, self._respawn_at, self._next_round)

    def dump_stacks(self) -> None:
        for child in self._busy:
            child.dump_stacks()

    def kill(self, jobs: Sequence[int]) -> None:
        now = monotonic()
        for child in self._busy:
            if not child.running.keys().isdisjoint(jobs):
                child.kill(now)

    def grow(self, slots: int) -> None:
        self._slots += slots
        self._unbalanced = True

    def shrink(self, slots: int) -> None:
        if slots >= self._slots:
            raise ValueError(f"cannot shrink by {slots}: the pool has {self._slots} and keeps at least 1")
        self._slots -= slots
        self._unbalanced = True

    def restart(self) -> None:
        if self._loading is not None:
            self._loading.end()
            self._loading = None
        self._respawn = CALM
        self._reload = True
        self._unbalanced = True

    # Jobs down --------------------------------------------------------------------------------------

    def submit(self, jobs: Sequence[Job], depth: int) -> int:
        if self._homeless:
            self._rehouse(depth)
            if self._homeless:
                return 0
        return self._hand_out(jobs, depth)

    def recall(self, now: float, stuck: float) -> list[Job]:
        taken = set(self._homeless)
        self._homeless.clear()
        for child in list(self._busy):
            started = min(child.running.values(), default=inf)
            if child.sent and (stuck <= 0 or started <= now - stuck):
                taken.update(child.take_back())
                self._settle_down(child)
        return [self._waiting.pop(job) for job in list(self._waiting) if job in taken]

    def _hand_out(self, jobs: Sequence[Job], depth: int) -> int:
        """As many as there is room for, from the front; how many."""
        most = 1 + depth
        idle = list(self._idle)[: self.idle()]
        chosen = idle
        busy_rooms: list[int] = []
        if depth and len(jobs) > len(idle):
            busy = [child for child in self._busy if not child.retiring and child.ready]
            busy_rooms = [int(min(max(0, most - child.outstanding()), child.budget)) for child in busy]
            chosen = idle + busy
        shares = allot(len(jobs), [int(min(most, child.budget)) for child in idle], busy_rooms)
        given = 0
        for child, share in zip(chosen, shares, strict=False):
            given += self._give(child, jobs[given : given + share])
        return given

    def _give(self, child: ChildHandle, jobs: Sequence[Job]) -> int:
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
                self._unbalanced = True
        return accepted

    def _rehouse(self, depth: int) -> None:
        """Give jobs out again whose child was lost before it began them."""
        jobs = [self._waiting[job] for job in self._homeless]
        for _ in range(self._hand_out(jobs, depth)):
            self._homeless.popleft()

    # Events up --------------------------------------------------------------------------------------

    def receive(self, now: float) -> list[Event]:
        events: list[Event] = []
        for fd, _ in self._epoll.poll(0):
            source = self._sources.get(fd)  # None: buried in this same turn
            if isinstance(source, ForkServerClient):
                self._hear_server(source, now, events)
            elif source is not None and fd == source.pidfd:
                self._bury(source, -signal.SIGKILL, now, events)
            elif source is not None:
                self._hear(source, source.reports.receive(), events)
                if source.reports.ended:
                    self._unwatch(fd)
        if now >= self._limits.next_deadline:
            self._enforce(now)
        if now >= self._next_round:
            self._look_after(now, events)
        if self._unbalanced or now >= self._respawn_at:
            self._balance(now, events)
        if self._homeless and not self._stopping:
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
                if self._respawn.attempts and child.born >= self._respawn.last_failure:
                    self._respawn = CALM
                    self._unbalanced = True
            elif kind == FAILED:
                child.failure = payload.decode()
            else:
                child.ready = True
                self._unbalanced = True
        if not child.sent and not child.running:
            self._settle_down(child)

    def _begin(self, child: ChildHandle, job_id: int, at: float) -> None:
        job = self._waiting.pop(job_id)
        del child.sent[job_id]
        child.running[job_id] = at
        if job.soft is not None or job.hard is not None:
            self._limits.watch(job, at)

    def _settle_down(self, child: ChildHandle) -> None:
        """It may have nothing to do now."""
        if child.busy():
            return
        self._busy.pop(child, None)
        if child.retiring:
            child.dismiss(monotonic() + _LEAVE_TIMEOUT)
            self._unbalanced = True
        elif child.ready and child.budget:
            self._idle[child] = None

    def _enforce(self, now: float) -> None:
        for overrun in self._limits.overruns(now):
            child = next(child for child in self._busy if overrun.job in child.running)
            if overrun.hard:
                child.timed_out[overrun.job] = overrun.limit
                child.kill(now)
            else:
                child.limit(overrun.job)

    # Children and fork servers ------------------------------------------------------------------------

    def _hear_server(self, server: ForkServerClient, now: float, events: list[Event]) -> None:
        while True:
            try:
                heard = server.receive()
            except BlockingIOError:
                return
            if heard is None:
                self._lose_server(server, now, events)
                return
            self._heed(server, *heard, now, events)

    def _heed(
        self, server: ForkServerClient, message: Message, fds: list[int], now: float, events: list[Event]
    ) -> None:
        if isinstance(message, Forked):
            child = self._children[message.number]
            child.forked(message.pid, fds[0])
            self._watch(child.reports.fileno(), child)
        elif isinstance(message, Exited):
            self._bury(self._children[message.number], message.exitcode, now, events)
        elif isinstance(message, Loaded):
            hello = read_memory_file(fds[0])
            server.loaded = True
            self._server, self._loading = server, None
            self._unbalanced = True
            events.append(Booted(hello))
        elif isinstance(message, NotLoaded):
            server.failure = message.reason
        elif isinstance(message, NotForked):
            child = self._children.pop(message.number)
            child.close()
            self._fail(message.reason, child.born, now, events)

    def _bury(self, child: ChildHandle, exitcode: int, now: float, events: list[Event]) -> None:
        """Exactly one end for each of its jobs: those begun and not answered are lost, the others go
        to another child."""
        self._hear(child, child.last_records(), events)
        self._unwatch(child.reports.fileno())
        self._unwatch(child.pidfd)
        del self._children[child.number]
        self._idle.pop(child, None)
        self._busy.pop(child, None)
        self._homeless.extendleft(reversed(child.sent))
        for job in child.running:
            self._limits.forget(job)
            limit = child.timed_out.get(job)
            events.append(Lost(job, exitcode, child.pid) if limit is None else TimedOut(job, limit))
        if child.failure is not None or (not child.running and child.leave_by is None):
            doing = "was idle" if child.ready else "booted"
            reason = child.failure or f"child {child.pid} died while it {doing}: exit code {exitcode}"
            self._fail(reason, child.born, now, events)
        child.close()
        self._unbalanced = True

    def _lose_server(self, server: ForkServerClient, now: float, events: list[Event]) -> None:
        """Its children die with it (PR_SET_PDEATHSIG), but only their pidfds tell when they have."""
        self._unwatch(server.fileno())
        exitcode = server.wait()
        server.close()
        for child in [child for child in self._children.values() if child.server is server]:
            if child.pidfd >= 0:
                child.kill(now)
                self._watch(child.pidfd, child)
            else:
                del self._children[child.number]
                child.close()
        self._unbalanced = True
        if server is self._server:
            self._server = None
        if server.ending:
            return
        reason = server.failure or f"the fork server died: exit code {exitcode}"
        if server is not self._loading:
            self._fail(reason, server.born, now, events)
            return
        self._loading = None
        if self._server is None:
            self._fail(reason, server.born, now, events)
        else:  # the code of a restart is broken; the old children go on
            events.append(ChildFailed(reason, 1, False))

    def _fail(self, reason: str, born: float, now: float, events: list[Event]) -> None:
        self._respawn = after_failure(self._respawn, self._backoff, born, now)
        self._unbalanced = True
        events.append(ChildFailed(reason, self._respawn.attempts, self._respawn.fatal))

    def _balance(self, now: float, events: list[Event]) -> None:
        """Bring what is there closer to what should be."""
        self._unbalanced = False
        self._respawn_at = inf
        if self._stopping:
            return
        standings = [self._standing(child) for child in self._children.values() if not child.retiring]
        missing, surplus = change(standings, self._slots)
        for number in surplus:
            self._retire(self._children[number])
        if not self._respawn.allows(now):
            self._respawn_at = inf if self._respawn.fatal else self._respawn.not_before
        else:
            self._replenish(missing, now, events)
        self._end_old_servers()
        if self._next_round == inf and self._needs_rounds():
            self._next_round = now + _ROUND

    def _standing(self, child: ChildHandle) -> Standing:
        stale = not child.budget or child.overweight or child.server is not self._server
        return Standing(child.number, child.ready, stale, child.busy())

    def _retire(self, child: ChildHandle) -> None:
        child.retiring = True
        self._idle.pop(child, None)
        self._homeless.extend(child.take_back())
        self._settle_down(child)

    def _replenish(self, missing: int, now: float, events: list[Event]) -> None:
        if self._reload or (self._server is None and self._loading is None):
            self._launch(now, events)
        if self._server is not None:
            booting = sum(not child.ready for child in self._children.values())
            # After a failure one child at a time is tried, or a full set would fail each time.
            most = 1 if self._respawn.attempts else _BOOTING
            for _ in range(min(missing, most - booting)):
                self._spawn(self._server, now)

    def _launch(self, now: float, events: list[Event]) -> None:
        self._reload = False
        try:
            self._loading = ForkServerClient(self._options, self._serve, now)
        except OSError as error:
            self._fail(f"the fork server cannot be started: {error}", now, now, events)
            return
        self._watch(self._loading.fileno(), self._loading)

    def _spawn(self, server: ForkServerClient, now: float) -> None:
        number = next(self._numbers)
        budget = self._options.max_tasks or inf
        self._children[number] = ChildHandle(number, server, budget, self._buffer, now)

    def _end_old_servers(self) -> None:
        used = {child.server for child in self._children.values()} | {self._server, self._loading}
        for source in list(self._sources.values()):
            if isinstance(source, ForkServerClient) and source not in used:
                source.end()

    def _needs_rounds(self) -> bool:
        return (
            self._options.max_memory is not None
            or self._loading is not None
            or any(not child.ready or child.leave_by is not None for child in self._children.values())
        )

    def _look_after(self, now: float, events: list[Event]) -> None:
        for child in self._children.values():
            if child.leave_by is not None:
                if now >= child.leave_by:
                    child.kill(now)
            elif not child.ready:
                self._judge_boot(child, now)
            elif self._options.max_memory is not None and not child.overweight:
                child.overweight = memory.resident(child.pid) > self._options.max_memory
                self._unbalanced |= child.overweight
        loading = self._loading
        if loading is not None and now - loading.born >= self._options.boot_timeout:
            loading.failure = (
                f"the fork server had not loaded the code after {self._options.boot_timeout:g} s"
            )
            loading.kill()
        self._next_round = now + _ROUND if self._needs_rounds() else inf

    def _judge_boot(self, child: ChildHandle, now: float) -> None:
        if now - child.born >= self._options.boot_timeout and child.failure is None:
            child.failure = f"child {child.pid} was not ready after {self._options.boot_timeout:g} s"
            child.kill(now)

    # The end ------------------------------------------------------------------------------------------

    def stop(self, timeout: float) -> None:
        self._stopping = True
        deadline = monotonic() + timeout
        for child in self._children.values():
            child.take_back()
            child.dismiss(deadline)
        while self._children and (left := deadline - monotonic()) > 0:
            self._epoll.poll(left)
            self.receive(monotonic())
        servers = [source for source in self._sources.values() if isinstance(source, ForkServerClient)]
        for server in servers:
            server.end()
        for server in servers:
            server.wait()
            server.close()
        for child in self._children.values():
            child.close()
        self._children.clear()
        self._epoll.close()

    def _watch(self, fd: int, source: ChildHandle | ForkServerClient) -> None:
        self._sources[fd] = source
        self._epoll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        if self._sources.pop(fd, None) is not None:
            self._epoll.unregister(fd)
