"""The loop of an asyncio child: many jobs at once, each a task of its event loop.

What `boot` returned must have `coroutine(payload: bytes) -> Coroutine[Any, Any, bytes]`, which stands
for `run` here. What it gives to the loop's default executor runs in a thread of the child, of which
there are as many as slots.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded

from pools import fineloop
from pools.breakdown import EX_SOFTWARE, break_down
from pools.child import Station
from pools.line import Line
from pools.notice import Notice
from pools.softlimit import codes
from pools.stall import StallWatch
from pools.threadlimit import ThreadLimits

P = ParamSpec("P")
R = TypeVar("R")


def serve(station: Station) -> None:
    """See `pools.child`."""
    with asyncio.Runner(loop_factory=fineloop.new) as runner:
        runner.run(_serve(station))


async def _serve(station: Station) -> None:
    loop = _Loop(station)
    loop.turn()
    await loop.ended.wait()


class _Job(Coroutine[Any, Any, bytes]):
    """A job's coroutine, seen from the outside: knows when it runs, and how it may be limited."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, bytes], loop: _Loop) -> None:
        self.number = number
        self.begun = False
        self.hit = False
        """It has had its soft limit."""
        self._coroutine = coroutine
        self._loop = loop
        self._task = asyncio.get_running_loop().create_task(self)

    def send(self, value: Any) -> Any:
        return self._step(self._coroutine.send, value)

    def throw(self, error: Any, *rest: Any) -> Any:
        """By the task. If it is the cancellation that we asked for, the job sees why."""
        if self.hit and self._task.cancelling() and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            error = SoftTimeLimitExceeded()
        return self._step(self._coroutine.throw, error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, bytes]:
        raise TypeError("a job is run by its task")

    def cancel(self) -> None:
        """SoftTimeLimitExceeded is raised where it waits."""
        if self.begun and not self.hit and not self._task.done():
            self.hit = True
            self._task.cancel()

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        self.begun = True
        try:
            self._loop.current = self
            return resume(value)
        except StopIteration as end:
            self._loop.current = None  # or the limit could still hit it, here
            self._loop.end(self, end.value)
            raise
        except BaseException:  # noqa: BLE001  (the user's code; what it may raise, `coroutine` has turned into an answer)
            break_down(EX_SOFTWARE, self._loop.pid)
        finally:
            self._loop.current = None


class _Threads(ThreadPoolExecutor):
    """Knows for which job a thread works."""

    def __init__(self, width: int, loop: _Loop, notice: Notice) -> None:
        super().__init__(width, thread_name_prefix="slot")
        self.width = width
        self.limits = ThreadLimits(notice, spared=(_Threads._call,))
        self.jobs: set[int] = set()
        """Those that wait for a thread, or for what it does."""
        self._loop = loop

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """From the event loop's thread, in a step of the job."""
        job, self._loop.current = self._loop.current, None  # or the limit could hit here, with a lock held
        if job is None:  # of a task that the job has started
            return super().submit(fn, *args, **kwargs)
        self.jobs.add(job.number)
        future = super().submit(self._call, job.number, lambda: fn(*args, **kwargs))
        future.add_done_callback(lambda _: self.jobs.discard(job.number))
        return future

    def _call(self, job: int, function: Callable[[], R]) -> R:
        try:
            self.limits.running[job] = threading.get_ident()
            return function()
        finally:
            del self.limits.running[job]
            self.limits.hit.pop(job, None)
            if os.getpid() != self._loop.pid:
                os._exit(0)  # a process that a task forked and let run on; it must not answer for us


class _Loop:
    def __init__(self, station: Station) -> None:
        self.pid = os.getpid()
        self.ended = asyncio.Event()
        self.current: _Job | None = None
        """Whose step runs now."""
        self._coroutine = station.run.coroutine  # type: ignore[attr-defined]
        self._notice = station.notice
        self._line = Line(station.jobs, station.reports, station.notice)
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[int, _Job] = {}
        self._threads = self._new_threads()
        self._reading = False
        self._stall = StallWatch(station.options.max_blocking)
        self._watching: asyncio.TimerHandle | None = None
        self._spared = codes(_Job.send, _Job.throw, _Job._step, self._coroutine)
        signal.signal(signal.SIGUSR1, self._on_signal)

    def turn(self) -> None:
        """Report what has ended, begin what has come."""
        try:
            begun = self._line.take()
        except BrokenPipeError:  # the supervisor is gone: there is nobody to tell
            os._exit(0)
        except BaseException:  # noqa: BLE001  (the event loop would only log it)
            break_down(1, self.pid)
        if begun and self._threads.width < self._notice.width:
            self._threads = self._new_threads()
        for number, payload in begun:
            self._jobs[number] = _Job(number, self._coroutine(payload), self)
        self._read(not self._line.full)
        if begun and self._watching is None:
            self._watch()
        if self._line.closed and not self._line.running:
            self.ended.set()

    def end(self, job: _Job, answer: bytes) -> None:
        if os.getpid() != self.pid:
            os._exit(0)  # a process that a task forked and let run on; it must not answer for us
        del self._jobs[job.number]
        if self._line.end(job.number, answer):
            self._loop.call_soon(self.turn)

    def _read(self, reading: bool) -> None:
        if reading and not self._reading:
            self._loop.add_reader(self._line.fileno(), self.turn)
        elif self._reading and not reading:
            self._loop.remove_reader(self._line.fileno())
        self._reading = reading

    def _new_threads(self) -> _Threads:
        threads = _Threads(self._notice.width, self, self._notice)
        self._loop.set_default_executor(threads)
        return threads

    def _watch(self) -> None:
        self._watching = None
        if self._stall.interval is None:
            return
        if self._jobs:
            self._stall.turn()
            self._watching = self._loop.call_later(self._stall.interval, self._watch)
        else:
            self._stall.rest()

    def _limit(self, job: _Job) -> None:
        if job.number in self._threads.jobs:
            self._threads.limits.strike(job.number)
        else:
            job.cancel()

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        """Raised at once in the job that runs; where a job waits, once the loop gets there."""
        current = self.current
        overdue = [self._jobs[number] for number in self._notice.overdue() if number in self._jobs]
        for job in overdue:
            if job is not current:
                self._loop.call_soon_threadsafe(self._limit, job)
        if self._line.full and self._line.running < self._notice.width:
            self._loop.call_soon_threadsafe(self.turn)  # there are more slots
        if current is None or current not in overdue or current.hit:
            return
        if frame is not None and frame.f_code not in self._spared:
            current.hit = True
            raise SoftTimeLimitExceeded()
