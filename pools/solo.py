"""The solo pool: one job at a time in the supervisor's own process, so that a debugger in a task has
the terminal.

The supervisor turns only between jobs. So it has no choice but to wait for each one's end.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from math import inf
from pkgutil import resolve_name
from time import monotonic

from pools.alarm import AT_ONCE, Alarm
from pools.child import Run
from pools.ending import CAUSES
from pools.interface import (
    Booted,
    BootRefused,
    ChildFailed,
    ChildOptions,
    Event,
    Finished,
    Job,
    Lost,
    Started,
)
from pools.interrupts import Interrupts

CAVEATS = (
    "tasks run in the supervisor, one at a time: no hard time limit, no revocation of what runs, no"
    " recycling, no fresh code on HUP; while one runs, signals and probes wait for its end, but for QUIT"
    " and a second TERM or INT, which end it"
)
"""What it cannot do, in a line for the log."""


class SoloPool:
    """Implements `pools.interface.Pool`, but for CAVEATS. Main thread only.

    A job is reported as Started by one `receive` and run by the next: what must be done before it
    runs, such as an early acknowledgement, can be. Raises ValueError for more than one slot or process.
    """

    def __init__(self, slots: int, options: ChildOptions, processes: int | None = None) -> None:
        if slots != 1:
            raise ValueError(f"slots is {slots}; a solo pool has 1")
        if processes is not None:
            raise ValueError(f"processes is {processes}; a solo pool runs in the supervisor")
        self._options = options
        self._run: Run | None = None
        self._alarm = Alarm(spared=())
        self._wants_boot = False
        self._job: Job | None = None
        """Accepted, and perhaps begun."""
        self._began: float | None = None
        """time.monotonic() at which it was reported as Started."""
        self._killed = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ends = dict.fromkeys(CAUSES, 0)

    def start(self) -> None:
        self._wants_boot = True
        self._ring()

    def restart(self) -> None:
        self.start()

    def fileno(self) -> int:
        return self._bell

    def next_deadline(self) -> float:
        return 0.0 if self._wants_boot or self._job is not None else inf

    def receive(self, now: float) -> list[Event]:
        self._hush()
        if self._wants_boot:
            self._wants_boot = False
            return [self._boot()]
        if self._job is None:
            return []
        if self._began is None:
            self._began = now
            self._ring()
            return [Started(self._job.id, now, os.getpid())]
        end = self._work(self._job)
        if end is None:
            return []
        self._job = self._began = None
        return [end]

    def _boot(self) -> Event:
        if self._run is not None:
            return ChildFailed("the solo pool cannot load code anew: start the worker again", 1, False)
        try:
            run, hello = resolve_name(self._options.boot)(self._options.boot_argument)
            if self._options.after_fork is not None:
                resolve_name(self._options.after_fork)()
        except BootRefused as error:
            return ChildFailed(str(error), 1, True, True)
        except BaseException:  # noqa: BLE001  (the user's code: whatever ends it, the caller must be told)
            return ChildFailed(traceback.format_exc(), 1, True)
        self._run = run
        self._alarm = Alarm(spared=(self._execute, run))
        return Booted(hello)

    def _work(self, job: Job) -> Event | None:
        """None: a signal has ended it. The caller is to read that signal before it hears of this end."""
        if self._killed:
            self._killed = False
            return Lost(job.id, -signal.SIGKILL, os.getpid())
        with Interrupts(self._alarm.kill):
            end = self._execute(job)
        if end is None:
            self._killed = True
            self._ring()
        return end

    def _execute(self, job: Job) -> Event | None:
        assert self._run is not None
        pid = os.getpid()
        try:
            self._alarm.begin(job.soft)
            answer = self._run(memoryview(job.payload))
            killed = self._alarm.end()
        except BaseException:  # noqa: BLE001  (what a task may raise, `run` has turned into an answer)
            if os.getpid() != pid:
                os._exit(os.EX_SOFTWARE)
            if self._alarm.end():
                return None
            traceback.print_exc()
            sys.stderr.flush()
            return Lost(job.id, os.EX_SOFTWARE, os.getpid())
        if os.getpid() != pid:  # forked by the job, and come back from it: there must be no second supervisor
            os._exit(0)
        return None if killed else Finished(job.id, answer, monotonic())

    def slots(self) -> int:
        return 1

    def width(self) -> int:
        return 1

    def idle(self) -> int:
        return int(self._run is not None and self._job is None)

    def room(self, depth: int) -> int:
        return self.idle()

    def queued(self) -> int:
        return int(self._job is not None and self._began is None)

    def ahead(self) -> int:
        return 0

    def submit(self, jobs: Sequence[Job], depth: int) -> int:
        """Nothing is queued ahead: it could not be taken back while the job before it runs."""
        if not jobs or not self.idle():
            return 0
        self._job = jobs[0]
        self._ring()
        return 1

    def isolate(self, jobs: Sequence[Job]) -> int:
        return self.submit(jobs, 0)

    def recall(self, now: float, stuck: float) -> list[Job]:
        if self._job is None or self._began is not None or stuck > 0:
            return []
        job, self._job = self._job, None
        return [job]

    def running(self) -> dict[int, float]:
        return {} if self._job is None or self._began is None else {self._job.id: self._began}

    def kill(self, jobs: Sequence[int]) -> None:
        """One that has been reported as Started, and not run yet."""
        if not self.running().keys().isdisjoint(jobs):
            self._killed = True

    def interrupt(self, jobs: Sequence[int]) -> None:
        """The same: it is raised soon after the job has begun."""
        if self._job is not None and not self.running().keys().isdisjoint(jobs):
            self._job = self._job._replace(soft=AT_ONCE)

    def send_signal(self, jobs: Sequence[int], number: signal.Signals) -> None:
        raise ValueError(f"{number.name} would hit the supervisor, which runs the jobs itself")

    def grow(self, slots: int) -> None:
        raise ValueError("the solo pool has one slot")

    def shrink(self, slots: int) -> None:
        raise ValueError("the solo pool has one slot")

    def dump_stacks(self) -> None:
        """No job runs while anybody can call this."""

    def pids(self) -> list[int]:
        return [os.getpid()]

    def ends(self) -> Mapping[str, int]:
        return self._ends

    def stop(self, timeout: float) -> None:
        os.close(self._bell)

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _hush(self) -> None:
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return
