"""The loop of a prefork child: one job at a time.

Under load it makes one system call each way per job: the end of a job is kept back and sent
together with the start of the next, if that is there already. So a start is always told before the
job runs, no end waits while a job runs, and when the child dies the supervisor knows which jobs had
begun: those whose start it has been told.
"""

from __future__ import annotations

import os
import socket
from time import monotonic

from pools import shield
from pools.breakdown import EX_SOFTWARE, break_down
from pools.child import Station
from pools.softlimit import SoftLimit
from pools.transport import FINISHED, STARTED, record


def serve(station: Station) -> None:
    """See `pools.child`."""
    jobs, reports, run, notice, _ = station
    limit = SoftLimit(notice, spared=(serve, run))
    limit.arm()
    begun: int | None = None
    shield.lower_for_job(lambda: begun == notice.addressee)
    pid = os.getpid()
    end = b""
    frame = jobs.receive()
    while frame is not None:
        job, payload = frame
        begun = job  # a signal for it may come as soon as its start is told
        reports.send(end, record(STARTED, job, monotonic()))
        try:
            limit.current = job
            answer = run(payload)
            limit.current = begun = None
        except BaseException:  # noqa: BLE001  (the user's code; what it may raise, `run` has turned into an answer)
            limit.current = None
            break_down(EX_SOFTWARE, pid)
        if os.getpid() != pid:
            os._exit(0)  # a process that a task forked and let run on; it must not answer for us
        end = record(FINISHED, job, monotonic(), answer)
        del answer
        try:
            frame = jobs.receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            reports.send(end)
            end = b""
            frame = jobs.receive()
    reports.send(end)
