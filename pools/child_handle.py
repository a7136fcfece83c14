"""The supervisor's hold on one child."""

from __future__ import annotations

import contextlib
import os
import signal

from pools import target
from pools.forkserver_client import ForkServerClient
from pools.interface import Job
from pools.target import Target
from pools.transport import ChildEnds, JobSender, Record, ReportReceiver


class ChildHandle:
    """Asks the fork server for the child at once.

    budget: how many jobs it may be given in its life.
    """

    def __init__(
        self, number: int, server: ForkServerClient, budget: float, buffer: memoryview, now: float
    ) -> None:
        self.number = number
        self.server = server
        self.budget = budget
        self.born = now
        self.pid = 0
        self.ready = False
        self.failure: str | None = None
        """Why its after-fork hook failed."""
        self.overweight = False
        self.retiring = False
        """Takes no further job, and goes when it is idle."""
        self.leave_by: float | None = None
        """It has been told to go, or killed: that it ends is no failure."""
        self.sent: dict[int, None] = {}
        """Ids of jobs that it has not begun, in order."""
        self.running: dict[int, float] = {}
        """Job id → time.monotonic() of its start."""
        self.timed_out: dict[int, float] = {}
        """Jobs for whose hard limit it was killed → that limit."""
        self.pidfd = -1
        self._jobs = JobSender()
        self.reports = ReportReceiver(buffer)
        file = target.new_file()
        self._target = Target(file)
        server.fork(number, ChildEnds(self._jobs.far_end(), self.reports.far_end(), file))
        self.reports.close_far_end()
        os.close(file)

    def forked(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd

    def busy(self) -> bool:
        return bool(self.sent or self.running)

    def outstanding(self) -> int:
        return len(self.sent) + len(self.running)

    def send(self, job: Job) -> bool:
        """False: no room in its socket."""
        if not self._jobs.send(job.id, job.payload):
            return False
        self.sent[job.id] = None
        self.budget -= 1
        return True

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

    def limit(self, job: int) -> None:
        """Have SoftTimeLimitExceeded raised in that job, if it still runs."""
        self._target.write(job)
        self._signal(signal.SIGUSR1)

    def dump_stacks(self) -> None:
        self._signal(signal.SIGUSR2)

    def kill(self, now: float) -> None:
        if self.leave_by is None:
            self.leave_by = now
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pidfd < 0:
            return
        with contextlib.suppress(ProcessLookupError):  # dead and reaped; its report is on the way
            signal.pidfd_send_signal(self.pidfd, number)

    def last_records(self) -> list[Record]:
        """What a dead child had said and nobody has heard yet."""
        return self.reports.drain()

    def close(self) -> None:
        self._jobs.close()
        self.reports.close()
        self._target.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
