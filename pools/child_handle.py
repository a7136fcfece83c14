"""The supervisor's hold on one child."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Sequence
from time import monotonic

from pools import notice
from pools.forkserver_client import ForkServerClient
from pools.interface import Job
from pools.notice import Notice
from pools.transport import ChildEnds, JobSender, ReportReceiver


class ChildHandle:
    """Asks the fork server for the child at once. Raises OSError when there is no descriptor left.

    width: how many jobs it may run at once. budget: how many it may be given in its life.
    """

    def __init__(
        self,
        number: int,
        server: ForkServerClient,
        width: int,
        budget: float,
        buffer: memoryview,
        now: float,
    ) -> None:
        self.number = number
        self.server = server
        self.budget = budget
        self.born = now
        self.pid = 0
        self.ready = False
        self.failure: str | None = None
        """Why its after-fork hook failed."""
        self.worn: str | None = None
        """Why it is to be replaced (one of `pools.ending.CAUSES`), if its use is."""
        self.retiring = False
        """Takes no further job, and goes when it is idle."""
        self.lone = False
        """Made for one job, which runs alone in it; retiring from the start."""
        self.condemned = False
        """Retiring, with a job in it that has been reported as ended and goes on: killed when it has
        no other, or when `leave_by` has come."""
        self.leave_by: float | None = None
        """It has been told to go, or killed: that it ends is no failure."""
        self.sent: dict[int, float] = {}
        """Ids of jobs that it has not begun, in order, and when they were sent (time.monotonic())."""
        self.moved_at = 0.0
        """When it began one, or was sent one and had none to begin (time.monotonic())."""
        self.running: dict[int, float] = {}
        """Job id → time.monotonic() of its start."""
        self.culprits: dict[int, float | None] = {}
        """Jobs for which it was killed or condemned → the hard limit, or None if `kill` asked for it."""
        self.pidfd = -1
        self.ended_at: float | None = None
        """When its reports ended (time.monotonic()): what became of it, its fork server tells."""
        with contextlib.ExitStack() as undo:
            self._jobs = JobSender()
            undo.callback(self._jobs.close)
            self.reports = ReportReceiver(buffer)
            undo.callback(self.reports.close)
            file = notice.new_file()
            undo.callback(os.close, file)
            self._notice = Notice(file)
            undo.pop_all()
        self.width = self._widest = 0
        self.widen(width)
        server.fork(number, ChildEnds(self._jobs.far_end(), self.reports.far_end(), file))
        self.reports.close_far_end()
        os.close(file)

    def widen(self, width: int) -> None:
        """Or narrow it: what runs already goes on."""
        wider = width > self.width
        self.width = self._notice.width = width
        self._widest = max(self._widest, width)
        if wider:
            self._signal(signal.SIGUSR1)  # all its slots may be busy: it would look when one is free

    def forked(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd

    def is_dead(self) -> bool:
        """Whether its process, which was there, has ended."""
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        return bool(poller.poll(0))

    def busy(self) -> bool:
        return bool(self.sent or self.running)

    def free(self, outstanding: int) -> int:
        """Slots in which a job can be begun, if so many are running or sent."""
        if not self.ready or self.retiring:
            return 0
        return int(min(self.width - outstanding, self.budget))

    def room(self, depth: int) -> int:
        """How many jobs it can be given, if up to depth may be queued ahead."""
        if not self.ready or self.retiring:
            return 0
        if self.width < self._widest:
            depth = 0  # it may have threads left over from then, which would run at once what it is sent
        return int(min(max(0, self.width + depth - len(self.sent) - len(self.running)), self.budget))

    def send(self, job: Job) -> bool:
        """False: no room in its socket."""
        if not self._jobs.send(job.id, job.payload):
            return False
        self.sent[job.id] = monotonic()
        self.budget -= 1
        return True

    def stuck_since(self) -> float:
        """Since when nothing has moved in it (time.monotonic()), if there is anything unread."""
        if len(self.running) >= self.width:
            return max(self.running.values())
        return self.moved_at

    def waits_since(self) -> float:
        """When the first of what it has not begun was sent (time.monotonic()); there must be one."""
        return next(iter(self.sent.values()))

    def take_back(self) -> list[int]:
        """Ids of the jobs that it had not read."""
        jobs = self._jobs.take_back()
        for job in jobs:
            del self.sent[job]
        self.budget += len(jobs)
        return jobs

    def dismiss(self, leave_by: float) -> None:
        """Let it go once it has done what it was given. leave_by: time.monotonic()."""
        if self.leave_by is None:
            self.leave_by = leave_by
            self._jobs.end()

    def limit(self, jobs: Sequence[int]) -> None:
        """Have SoftTimeLimitExceeded raised in these jobs, as far as they still run."""
        self._notice.write_up(jobs)
        self._signal(signal.SIGUSR1)

    def send_signal(self, job: int, number: signal.Signals) -> None:
        """Meant for this job, if it runs one at a time."""
        self._notice.addressee = job
        self._signal(number)

    def dump_stacks(self) -> None:
        self._signal(signal.SIGUSR2)

    def kill(self, now: float) -> None:
        """With the programs that its jobs have started, unless these have a session or group of their own."""
        if self.leave_by is None:
            self.leave_by = now
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):  # it leads no session yet, or is dead
                signal.pidfd_send_signal(self.pidfd, 0)  # the pid still means it
                os.killpg(self.pid, signal.SIGKILL)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pidfd < 0:
            return
        with contextlib.suppress(ProcessLookupError):  # dead and reaped; its report is on the way
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        self._jobs.close()
        self.reports.close()
        self._notice.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
