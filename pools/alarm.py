"""The soft time limit of a job that runs in this very process, by its real-time timer."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from pools.limits import REPEAT
from pools.softlimit import EVENT_LOOP, codes


class Alarm:
    """Raises SoftTimeLimitExceeded in the main thread, once for each `set`, and not in the frames of
    `spared` (see `pools.softlimit.SoftLimit`). Owns SIGALRM from the first `set` on."""

    def __init__(self, spared: tuple[Callable[..., Any], ...]) -> None:
        self._spared = codes(*spared, Alarm.set, Alarm.clear)
        self._set = False

    def set(self, seconds: float) -> None:
        """Raise it then."""
        signal.signal(signal.SIGALRM, self._on_signal)
        self._set = True
        signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT)

    def clear(self) -> None:
        if self._set:
            self._set = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if not self._set:
            return
        if frame is not None and (frame.f_code in self._spared or frame.f_code.co_filename in EVENT_LOOP):
            return
        self.clear()
        raise SoftTimeLimitExceeded()
