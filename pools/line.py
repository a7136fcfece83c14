"""Jobs in and reports out, for the loops that run many jobs in one thread and must not wait for them."""

from __future__ import annotations

import socket
from time import monotonic

from pools.notice import Notice
from pools.transport import FINISHED, STARTED, JobReceiver, ReportSender, record

MOST = 16
"""Jobs begun in one go: if all that wait were, the ends of quick ones would come all at once too, and the
supervisor would have nothing to do while this child works, nor this child while the supervisor does."""


class Line:
    """Call `take` when the socket is readable, and once after any number of `end`: then what has
    ended and what begins travels in one system call."""

    def __init__(self, jobs: JobReceiver, reports: ReportSender, notice: Notice) -> None:
        self.running = 0
        """Jobs taken and not ended."""
        self.full = False
        """The last `take` left no slot: do not wait for the socket, which may be readable all the time."""
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
        are and have a slot, MOST at most. Raises BrokenPipeError when the supervisor is gone."""
        records, self._ends = self._ends, []
        begun: list[tuple[int, bytes]] = []
        width = self._notice.width
        while not self.closed and self.running < width and len(begun) < MOST:
            try:
                frame = self._jobs.receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            if frame is None:
                self.closed = True
                break
            job, payload = frame
            begun.append((job, bytes(payload)))
            records.append(record(STARTED, job, monotonic()))
            self.running += 1
        self.full = self.closed or self.running >= width
        if records:
            self._reports.send(*records)
        return begun

    def end(self, job: int, answer: bytes) -> bool:
        """True: it is the first since `take`, which must be called soon."""
        self.running -= 1
        self._ends.append(record(FINISHED, job, monotonic(), answer))
        return len(self._ends) == 1
