"""The soft time limit of jobs that run in threads, in the child (compare `pools.softlimit`)."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from pools.notice import Notice
from pools.softlimit import EVENT_LOOP, codes

_raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
_raise_in.argtypes = (ctypes.c_ulong, ctypes.py_object)


class _Frames:
    """`-FRAMES` is `sys._current_frames()` as an operator: after a call the interpreter may give its
    lock to another thread, after an operator it does not (CPython up to 3.13)."""

    __neg__ = staticmethod(sys._current_frames)


FRAMES = _Frames()


class ThreadLimits:
    """Raises SoftTimeLimitExceeded in the threads whose jobs are past their limit: once in a job, and
    never outside it or in the frame of a function of `spared` (see `pools.softlimit`).

    The interpreter raises it before the thread's next step in Python. A C call, `time.sleep` too, is
    not interrupted: the exception comes when it returns.
    """

    def __init__(self, notice: Notice, spared: tuple[Callable[..., Any], ...]) -> None:
        self.running: dict[int, int] = {}
        """Job → ident of its thread. Written by that thread, in a frame that is spared."""
        self.hit: dict[int, bool] = {}
        """Jobs that have been hit. The same thread takes its job out when it has ended."""
        self._notice = notice
        self._spared = codes(*spared)

    def strike_overdue(self) -> None:
        """At SIGUSR1."""
        for job in self._notice.overdue():
            self.strike(job)

    def strike(self, job: int) -> None:
        """Raise it in that job, if it runs, has not been hit, and is where it may be hit."""
        if job in self.hit:
            return
        try:
            # No call from here to `_raise_in`: the thread stays where it is seen to be, and the first
            # thing it does when it goes on is to raise.
            thread = self.running[job]
            code = (-FRAMES)[thread].f_code
            if code not in self._spared and code.co_filename not in EVENT_LOOP:
                self.hit[job] = True
                _raise_in(thread, SoftTimeLimitExceeded)
        except KeyError:
            return
