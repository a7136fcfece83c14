"""The loop of a threads child: as many jobs at once as it is wide, each in a thread.

One thread at a time leads: it receives jobs, as many at once as there are threads for, and reports
their starts. While jobs are quick it runs them itself, one after the other: to wake another thread,
which then contends for the interpreter, costs more than such a job. If they are not, it hands all but
one to other threads, and the lead. From a job that is not quick unexpectedly, the main thread takes
the lead away.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import deque
from queue import SimpleQueue
from time import monotonic
from types import FrameType
from typing import NamedTuple

from pools.breakdown import EX_SOFTWARE, break_down
from pools.child import Station
from pools.line import MOST
from pools.threadlimit import ThreadLimits
from pools.transport import FINISHED, STARTED, JobReceiver, record

QUICK = 0.0002
"""Seconds: if the last job took less, so will the next."""
PATIENCE = 0.002
"""Seconds that a thread keeps the lead while it runs a job."""


def serve(station: Station) -> None:
    """See `pools.child`."""
    crew = Crew(station)
    crew.call(None)
    crew.watch()


class Taken(NamedTuple):
    """A job whose start has been reported."""

    number: int
    payload: memoryview


class Seat:
    """Where a thread waits for what it is to do."""

    def __init__(self) -> None:
        self._called = threading.Lock()
        self._called.acquire()
        self._job: Taken | None = None

    def call(self, job: Taken | None) -> None:
        self._job = job
        self._called.release()

    def wait(self) -> Taken | None:
        """A job to be run; None: lead."""
        self._called.acquire()
        job, self._job = self._job, None
        return job


class Crew:
    def __init__(self, station: Station) -> None:
        self._jobs = station.jobs
        self._reports = station.reports
        self._run = station.run
        self._notice = station.notice
        self._limits = ThreadLimits(station.notice, spared=(Crew._execute, station.run))
        self._pid = os.getpid()
        self._quick = True
        """The last job was."""
        self._ends: deque[bytes] = deque()
        """Records that are not sent yet: soon, also if the next job takes long."""
        self._reporting = threading.Lock()
        self._changing = threading.Lock()
        """Held to change what follows."""
        self._threads = 0
        self._idle: list[Seat] = []
        """The one that has been busy last is called first."""
        self._leaderless = False
        """Every thread runs a job: the first that has done leads."""
        self._kept: int | None = None
        """The job that the leader runs."""
        self._taken: deque[Taken] = deque()
        """Those that it will run after it."""
        self._closed = False
        """No more jobs will come."""
        self._watching = False
        """The main thread will look at what is kept."""
        self._news: SimpleQueue[None] = SimpleQueue()
        """Wakes the main thread; from a signal handler too, where an Event could be locked already."""
        signal.signal(signal.SIGUSR1, self._on_signal)

    # The main thread ----------------------------------------------------------------------------------

    def watch(self) -> None:
        """Until no more jobs will come and the last has ended."""
        while not (self._closed and len(self._idle) == self._threads):
            self._news.get()
            if self._leaderless:
                self._use_new_slots()
            self._watching = False
            kept = self._kept
            if kept is not None:
                time.sleep(PATIENCE)
                if self._lose_lead(kept):
                    self._quick = False
                    self._send_ends()
                    self._hand_out()
                    if not self._closed:
                        self.call(None)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        """Some jobs are past their limit, or there are more slots."""
        self._limits.strike_overdue()
        self._news.put(None)

    def _use_new_slots(self) -> None:
        """If there are any, one more thread leads."""
        with self._changing:
            if not self._leaderless or self._closed or self._threads >= self._notice.width:
                return
            self._leaderless = False
            self._threads += 1
        self._start(None)

    # Who does what ------------------------------------------------------------------------------------

    def call(self, job: Taken | None) -> None:
        """Have a thread run it; None: lead."""
        with self._changing:
            seat = self._idle.pop() if self._idle else None
            if seat is None:
                if self._threads >= self._notice.width and job is None:
                    self._leaderless = True
                    return
                self._threads += 1
        if seat is None:
            self._start(job)
        else:
            seat.call(job)

    def _start(self, job: Taken | None) -> None:
        threading.Thread(target=self._live, args=(job,), name=f"slot-{self._threads}", daemon=True).start()

    def _lose_lead(self, job: int) -> bool:
        """The leader, if it still runs that job, is none any more."""
        with self._changing:
            lost = self._kept == job
            if lost:
                self._kept = None
            return lost

    def _spare(self) -> int:
        """Threads that can be called."""
        with self._changing:
            return len(self._idle) + max(0, self._notice.width - self._threads)

    def _takes_lead(self) -> bool:
        """If nobody has it."""
        with self._changing:
            free = self._leaderless and not self._closed
            if free:
                self._leaderless = False
            return free

    def _rest(self, seat: Seat) -> Taken | None:
        """Until there is something to do: see Seat."""
        with self._changing:
            if self._leaderless and not self._closed:
                self._leaderless = False
                return None
            self._idle.append(seat)
        if self._closed:
            self._news.put(None)
        return seat.wait()

    # A thread -----------------------------------------------------------------------------------------

    def _live(self, job: Taken | None) -> None:
        seat, jobs = Seat(), self._jobs.share()
        try:
            while True:
                if job is None:
                    job = self._lead(jobs)
                while job is not None:
                    self._execute(*job)
                    job = self._lead(jobs) if self._takes_lead() else None
                self._send_ends()
                job = self._rest(seat)
        except BrokenPipeError:  # the supervisor is gone: there is nobody to tell
            os._exit(0)
        except BaseException:  # noqa: BLE001  (a thread alone cannot end: the others would wait for ever)
            break_down(1, self._pid)

    def _lead(self, jobs: JobReceiver) -> Taken | None:
        """Until the lead is given or taken away. The job for which it is given away, to be run; None:
        there is none."""
        while not self._closed:
            taken = self._take(jobs)
            if taken and not self._quick:
                return self._share_out(taken)
            if not self._run_all(taken):
                break
        return None

    def _take(self, jobs: JobReceiver) -> list[Taken]:
        """Wait for a job; it, and those behind it for which there are threads. Their starts are reported."""
        try:
            frame = jobs.receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            self._send_ends()
            frame = jobs.receive()
        taken: list[Taken] = []
        most = 1 + min(self._spare(), MOST - 1)
        while frame is not None:
            taken.append(Taken(frame[0], memoryview(bytes(frame[1]))))  # `frame` is valid until the next
            if len(taken) == most:
                break
            try:
                frame = jobs.receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
        self._closed = frame is None
        now = monotonic()
        self._send([record(STARTED, job.number, now) for job in taken])
        return taken

    def _run_all(self, taken: list[Taken]) -> bool:
        """False: the lead was taken away meanwhile."""
        self._taken.extend(taken)
        while self._taken:
            job = self._taken.popleft()
            self._kept = job.number
            if not self._watching:
                self._watching = True
                self._news.put(None)
            self._execute(*job)
            if not self._lose_lead(job.number):
                return False
            if not self._quick:
                self._send_ends()
                self._hand_out()
        return True

    def _hand_out(self) -> None:
        """To other threads, what the leader has taken and not begun."""
        while self._taken:
            self.call(self._taken.popleft())

    def _share_out(self, taken: list[Taken]) -> Taken:
        """Give away the lead, and all of these but the first."""
        for other in taken[1:]:
            self.call(other)
        if not self._closed:
            self.call(None)
        return taken[0]

    def _execute(self, job: int, payload: memoryview) -> None:
        """Its end goes to those that are to be sent."""
        running, hit = self._limits.running, self._limits.hit
        thread = threading.get_ident()
        begun = monotonic()
        try:
            running[job] = thread
            answer = self._run(payload)
            del running[job]
        except BaseException:  # noqa: BLE001  (the user's code; what it may raise, `run` has turned into an answer)
            break_down(EX_SOFTWARE, self._pid)
        if hit:
            hit.pop(job, None)
        if os.getpid() != self._pid:
            os._exit(0)  # a process that a task forked and let run on; it must not answer for us
        now = monotonic()
        self._quick = now - begun < QUICK
        self._ends.append(record(FINISHED, job, now, answer))

    # Reports ------------------------------------------------------------------------------------------

    def _send(self, starts: list[bytes]) -> None:
        """With the ends. When this returns, the supervisor has them."""
        with self._reporting:
            self._reports.send(*self._waiting_ends(), *starts)
        self._send_ends()

    def _send_ends(self) -> None:
        """By this thread, or by the one that is sending: many in one system call."""
        while self._ends and self._reporting.acquire(blocking=False):
            try:
                self._reports.send(*self._waiting_ends())
            finally:
                self._reporting.release()

    def _waiting_ends(self) -> list[bytes]:
        return [self._ends.popleft() for _ in range(len(self._ends))]
