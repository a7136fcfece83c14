"""What ends a job that runs in this very process: its soft time limit, or because it is killed. By the
real-time timer."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from pools.interface import Killed
from pools.limits import REPEAT
from pools.softlimit import EVENT_LOOP, codes

AT_ONCE = 0.001
"""Seconds; 0 would stop the timer."""

PATIENCE = 5.0
"""Seconds that a killed job gets to end."""


class Alarm:
    """Raises SoftTimeLimitExceeded in the main thread once, or Killed again and again, while a job runs; not
    in the frames of `spared` (see `pools.softlimit.SoftLimit`). Owns SIGALRM from the first of them on."""

    def __init__(self, spared: tuple[Callable[..., Any], ...]) -> None:
        self._spared = codes(*spared, Alarm.begin, Alarm.end)
        self._runs = self._kills = self._ticks = False
        self._kill_by = 0.0
        """time.monotonic()."""

    def begin(self, seconds: float | None) -> None:
        """A job runs from now on. seconds: its soft limit."""
        self._runs, self._kills = True, False
        if seconds is not None:
            self._tick(seconds)

    def end(self) -> bool:
        """It runs no more. Whether it was killed."""
        self._runs = False
        if self._ticks:
            self._ticks = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return self._kills

    def kill(self) -> None:
        """Raise Killed in it until it ends, for it may catch that; after PATIENCE kill this process. From a
        signal handler, too; nothing happens if no job runs."""
        if self._runs and not self._kills:
            self._kills, self._kill_by = True, monotonic() + PATIENCE
            self._tick(AT_ONCE)

    def _tick(self, seconds: float) -> None:
        signal.signal(signal.SIGALRM, self._on_signal)
        self._ticks = True
        signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if not self._runs:
            return
        if frame is not None and (frame.f_code in self._spared or frame.f_code.co_filename in EVENT_LOOP):
            return
        if self._kills:
            if monotonic() >= self._kill_by:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Killed
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise SoftTimeLimitExceeded()
