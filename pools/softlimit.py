"""The soft time limit, in the child: an exception inside one job, and in no other place."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from pools.notice import Notice

_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio")
_MODULES = ("base_events", "events", "futures", "selector_events", "tasks", "unix_events")
EVENT_LOOP = {os.path.join(_ASYNCIO, f"{module}.py") for module in _MODULES} | {
    os.path.join(os.path.dirname(__file__), "interruptible.py")
}
"""Files of an event loop's machinery: an exception raised there could be swallowed, or make the loop
forget a callback. Where it waits, in `selectors`, one does no harm."""


class SoftLimit:
    """Raises SoftTimeLimitExceeded at SIGUSR1 if the job that runs is past its limit; a signal that
    comes too late does nothing. At most once in a job, so that what the job then does is not
    disturbed again.

    spared: functions in whose own frame it is never raised, only in what they call: the child's
    loop, between setting `current` and calling the job, and the run function, before and after
    its `try`. The supervisor repeats the signal while the job runs, so one that comes in such a
    moment is only put off. The same in a frame of EVENT_LOOP.
    """

    def __init__(self, notice: Notice, spared: tuple[Callable[..., Any], ...]) -> None:
        self.current: int | None = None
        """The job that runs now. Written by the child's loop."""
        self._hit: int | None = None
        """The job that has had its limit."""
        self._notice = notice
        self._spared = codes(*spared)

    def arm(self) -> None:
        """From the main thread."""
        signal.signal(signal.SIGUSR1, self._on_signal)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        job = self.current
        if job is None or job == self._hit or job not in self._notice.overdue():
            return
        if frame is not None and (frame.f_code in self._spared or frame.f_code.co_filename in EVENT_LOOP):
            return
        self._hit = job
        raise SoftTimeLimitExceeded()


def codes(*functions: Callable[..., Any]) -> frozenset[object]:
    """The code of each: of a function, or of an object that can be called."""
    return frozenset(
        getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
        for function in functions
    )
