"""Jobs in and reports out, for the loops that run many jobs in one thread and must not wait for them."""

from __future__ import annotations

import socket
from time import monotonic

from pools.notice import Notice
from pools.transport import FINISHED, STARTED, JobReceiver, ReportSender, record


class Line:
    """Call `take` when the socket is readable, and once after any number of `end`: then what has
    ended and what begins travels in one system call."""

    def __init__(self, jobs: JobReceiver, reports: ReportSender, notice: Notice) -> None:
        self.running = 0
        """Jobs taken and not ended."""
        self.drained = False
        """The last `take` left nothing behind: wait until the socket is readable. Else it would be
        readable all the time, though there is no slot for what is there."""
        self.closed = False
        """No more jobs will come."""
        self._jobs = jobs
        self._reports = reports
        self._notice = notice
        self._ends: list[bytes] = []

    def fileno(self) -> int:
        return self._jobs.fileno()

    def take(self) -> list[tuple[int, bytes]]:
        """Report what has ended, and as begun what is returned: ids and payloads, as many as there
        are and have a slot. Raises BrokenPipeError when the supervisor is gone."""
        records, self._ends = self._ends, []
        begun: list[tuple[int, bytes]] = []
        self.drained = False
        while not self.closed and self.running < self._notice.width:
            try:
                frame = self._jobs.receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                self.drained = True
                break
            if frame is None:
                self.closed = True
                break
            job, payload = frame
            begun.append((job, bytes(payload)))
            records.append(record(STARTED, job, monotonic()))
            self.running += 1
        if records:
            self._reports.send(*records)
        return begun

    def end(self, job: int, answer: bytes) -> bool:
        """True: it is the first since `take`, which must be called soon."""
        self.running -= 1
        self._ends.append(record(FINISHED, job, monotonic(), answer))
        return len(self._ends) == 1
