"""The loop of a threads child: as many jobs at once as it is wide, each in a thread.

The threads all receive from the one socket, and the kernel wakes one of them for each frame: nobody
hands jobs out. One more is started when the last idle one takes a job. Each does as a prefork child
does (`pools.prefork_child`). The main thread only serves signals.
"""

from __future__ import annotations

import os
import socket
import threading
from time import monotonic

from pools.breakdown import EX_SOFTWARE, break_down
from pools.child import Station
from pools.threadlimit import ThreadLimits
from pools.transport import FINISHED, STARTED, JobReceiver, record


def serve(station: Station) -> None:
    """See `pools.child`."""
    limits = ThreadLimits(station.notice, spared=(Crew.work, station.run))
    limits.arm()
    crew = Crew(station, limits)
    crew.add()
    crew.ended.wait()


class Crew:
    def __init__(self, station: Station, limits: ThreadLimits) -> None:
        self.ended = threading.Event()
        """No more jobs will come, and the last has ended."""
        self._jobs = station.jobs
        self._reports = station.reports
        self._run = station.run
        self._notice = station.notice
        self._limits = limits
        self._reporting = threading.Lock()
        self._counting = threading.Lock()
        self._threads = 0
        self._idle = 0
        self._pid = os.getpid()

    def add(self) -> None:
        """One more thread, which will be idle."""
        self._threads += 1
        self._idle += 1
        threading.Thread(target=self._live, name=f"slot-{self._threads}", daemon=True).start()

    def _live(self) -> None:
        try:
            self.work()
        except BrokenPipeError:  # the supervisor is gone: there is nobody to tell
            os._exit(0)
        except BaseException:  # noqa: BLE001  (a thread alone cannot end: the others would wait for ever)
            break_down(1, self._pid)
        with self._counting:
            self._threads -= 1
            if not self._threads:
                self.ended.set()

    def work(self) -> None:
        jobs, running, hit = self._jobs.share(), self._limits.running, self._limits.hit
        thread = threading.get_ident()
        end = b""
        frame = self._wait(jobs)
        while frame is not None:
            job, payload = frame
            self._send(end, record(STARTED, job, monotonic()))
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
            end = record(FINISHED, job, monotonic(), answer)
            del answer
            try:
                frame = jobs.receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._send(end)
                end = b""
                with self._counting:
                    self._idle += 1
                frame = self._wait(jobs)
        self._send(end)

    def _wait(self, jobs: JobReceiver) -> tuple[int, memoryview] | None:
        """For the next job. Its thread has been counted as idle."""
        frame = jobs.receive()
        with self._counting:
            self._idle -= 1
            if frame is not None and not self._idle and self._threads < self._notice.width:
                self.add()
        return frame

    def _send(self, *records: bytes) -> None:
        with self._reporting:
            self._reports.send(*records)
