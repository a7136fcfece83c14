"""Keeps `runtime beat` running beside the worker (`--beat`)."""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from collections.abc import Sequence
from math import inf
from subprocess import DEVNULL, Popen, TimeoutExpired

from brokers.interface import Settlement
from runtime.worker.lifecycle import Life, State
from runtime.worker.options import WorkerOptions

logger = logging.getLogger("runtime.worker")

SHORTEST, LONGEST = 1.0, 60.0
"""Seconds until one that died is started anew: twice as long each time, unless it lived for the longest."""
STOP_TIMEOUT = 5.0
"""Seconds that it gets to leave."""


class BeatProcess:
    """An attendant. Ends the process as soon as the worker drains: a successor, with a beat of its
    own, may be there already."""

    def __init__(self, options: WorkerOptions, life: Life) -> None:
        self._options = options
        self._life = life
        self._poller = select.epoll()
        """Nests the pidfd of the process."""
        self._ending = False
        self._pause = SHORTEST
        self._start(time.monotonic())

    def _start(self, now: float) -> None:
        self._started, self._again_at = now, inf
        # The signals of our group are not for it.
        self._process = Popen(command(self._options), stdin=DEVNULL, process_group=0)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._poller.register(self._pidfd, select.EPOLLIN)

    def fileno(self) -> int:
        return self._poller.fileno()

    def next_deadline(self) -> float:
        return self._again_at if self._life.state < State.DRAINING or self._ending else -inf

    def attend(self, now: float) -> Sequence[Settlement]:
        if self._again_at == inf and self._process.poll() is not None:
            os.close(self._pidfd)
            self._again(now, f"died (exit code {self._process.returncode})")
        if self._life.state >= State.DRAINING:
            self._end()
        elif now >= self._again_at:
            try:
                self._start(now)
            except OSError as error:  # no memory, no more processes
                self._again(now, f"could not be started ({error})")
        return ()

    def close(self) -> None:
        self._end()
        try:
            self._process.wait(STOP_TIMEOUT)
        except TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._poller.close()

    def _end(self) -> None:
        if not self._ending:  # a second signal would meet it while it leaves
            self._ending, self._again_at = True, inf
            self._process.terminate()

    def _again(self, now: float, why: str) -> None:
        if self._ending:
            return
        if now - self._started > LONGEST:
            self._pause = SHORTEST
        logger.error("Beat %s, and is started anew in %g s", why, self._pause)
        self._again_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST)


def command(options: WorkerOptions) -> list[str]:
    """What runs it. It ends with this process, whatever ends that."""
    given = {
        "--schedule": options.schedule_filename,
        "--loglevel": options.loglevel,
        "--logfile": options.logfile,
        "--log-format": options.log_format,
        "--parent": str(os.getpid()),
    }
    told = [word for name, value in given.items() if value is not None for word in (name, value)]
    return [sys.executable, "-m", "runtime", "-A", options.app, "beat", *told]
