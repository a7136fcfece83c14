"""The loop of a gevent child: many jobs at once, each a greenlet.

The fork server is patched before it imports anything of the user's. What it needs itself it has
from before (see `pools.forkserver`), and its children are patched to the end: in the server itself
`os.fork` and SIGCHLD must be what they are.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextvars import copy_context
from sys import getrefcount
from types import FrameType
from weakref import getweakrefcount

import gevent
import gevent.os
import gevent.signal
from billiard.exceptions import SoftTimeLimitExceeded
from gevent import monkey
from gevent.event import Event

from pools.breakdown import EX_SOFTWARE, break_down
from pools.child import Station
from pools.line import Line
from pools.softlimit import codes
from pools.stall import StallWatch

_READABLE = 1


def prepare() -> None:
    monkey.patch_all(os=False, signal=False)


def after_fork() -> None:
    gevent.reinit()
    # As `monkey.patch_os` and `patch_signal` do, which also ask every installed distribution for
    # hooks, each time: that took longer than all else that a child does until it is ready.
    for module, source in ((os, gevent.os), (signal, gevent.signal)):
        for name in source.__implements__:
            monkey.patch_item(module, name, getattr(source, name))


def serve(station: Station) -> None:
    """See `pools.child`."""
    _Loop(station).run()


class _Runner(gevent.Greenlet):  # type: ignore[misc]
    """Runs the jobs that are given to it, one after the other; parked in between. (A greenlet's frames are
    memory that is mapped, and unmapped when it ends: that takes longer than a quick job.)"""

    spawning_stack_limit = 0
    """To note down where it was made took a sixth of the time that making it does, and that is here."""

    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self.number = -1
        """Of its job, or its last one."""
        self.hit = False
        """The job has had its soft limit."""
        self.begun = False
        self._payload: bytes | None = None
        self._references = 0
        """To this greenlet when it got the job."""
        self._of = loop

    def give(self, number: int, payload: bytes | None) -> None:
        """From the hub, while it is parked. Without a payload it ends."""
        self.number, self._payload = number, payload
        self.begun = self.hit = False
        self.gr_context = copy_context()
        self._references = getrefcount(self)
        self._of.soon(self.switch)

    def is_known(self) -> bool:
        """From the hub, while it is parked: its last job has left something that refers to it. A
        `gevent.Timeout` that was not closed would be raised in the next job (or has been raised here)."""
        return self.dead or getrefcount(self) != self._references or getweakrefcount(self) > 0

    def _run(self) -> None:
        """Named so by gevent."""
        while True:
            self._of.hub.switch()
            if self._payload is None:
                return
            self.begun = True
            try:
                answer = self._of.run_job(memoryview(self._payload))
            except BaseException:  # noqa: BLE001  (the user's code; what it may raise, `run` has turned into an answer)
                break_down(EX_SOFTWARE, self._of.pid)
            self.hit = True  # or the limit could still hit it, here
            self._of.end(self, answer)

    def limit(self, number: int) -> None:
        """From the hub: SoftTimeLimitExceeded is raised where the job of this number waits."""
        if number == self.number and self.begun and not self.hit:
            self.hit = True
            self.throw(SoftTimeLimitExceeded())


class _Loop:
    def __init__(self, station: Station) -> None:
        self.pid = os.getpid()
        self.run_job = station.run
        self._notice = station.notice
        self._line = Line(station.jobs, station.reports, station.notice)
        self.hub = gevent.get_hub()
        self._loop = self.hub.loop
        # gevent's fork does it only afterwards: a job would wait for ever for its first process if
        # that had ended by then.
        self._loop.install_sigchld()
        self._readable = self._loop.io(self._line.fileno(), _READABLE)
        self._jobs: dict[int, _Runner] = {}
        """By the number of the job that each runs."""
        self._parked: list[_Runner] = []
        """Those without a job; they end in the next turn, if they get none."""
        self._ended = Event()
        self._stall = StallWatch(station.options.max_blocking)
        self._watching = False
        self._spared = codes(_Runner._run, station.run)
        signal.signal(signal.SIGUSR1, self._on_signal)

    def run(self) -> None:
        self.soon(self._turn)
        self._ended.wait()

    def _turn(self) -> None:
        """Report what has ended, begin what has come. In the hub: must not wait."""
        try:
            begun = self._line.take()
        except BrokenPipeError:  # the supervisor is gone: there is nobody to tell
            os._exit(0)
        except BaseException:  # noqa: BLE001  (the hub would only print it)
            break_down(1, self.pid)
        if begun and not self._watching and self._stall.interval is not None:
            self._watching = True
            self._stall.turn()
            gevent.spawn(self._watch, self._stall.interval)
        for number, payload in begun:
            runner = self._idle_runner()
            runner.give(number, payload)
            self._jobs[number] = runner
        while self._parked:
            self._parked.pop().give(-1, None)
        if self._line.full:
            self._readable.stop()
        else:
            self._readable.start(self._turn)
        if self._line.closed and not self._line.running:
            self._ended.set()

    def soon(self, function: Callable[[], object]) -> None:
        """Call it in the hub."""
        self._loop.run_callback(function)

    def end(self, runner: _Runner, answer: bytes) -> None:
        if os.getpid() != self.pid:
            os._exit(0)  # a process that a task forked and let run on; it must not answer for us
        del self._jobs[runner.number]
        self._parked.append(runner)
        if self._line.end(runner.number, answer):
            self.soon(self._turn)

    def _idle_runner(self) -> _Runner:
        while self._parked:
            runner = self._parked.pop()
            if not runner.is_known():
                return runner
            runner.give(-1, None)
        runner = _Runner(self)
        runner.switch()  # until it is parked
        return runner

    def _watch(self, interval: float) -> None:
        gevent.sleep(interval)
        while self._jobs:
            self._stall.turn()
            gevent.sleep(interval)
        self._stall.rest()
        self._watching = False

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        """Raised at once in the job that runs; where a job waits, once the hub gets there."""
        current = gevent.getcurrent()
        overdue = [self._jobs[number] for number in self._notice.overdue() if number in self._jobs]
        for runner in overdue:
            if runner is not current:
                self._loop.run_callback_threadsafe(runner.limit, runner.number)
        if self._line.full and self._line.running < self._notice.width:
            self._loop.run_callback_threadsafe(self._turn)  # there are more slots
        if current not in overdue or current.hit:
            return
        if frame is not None and frame.f_code not in self._spared:
            current.hit = True
            raise SoftTimeLimitExceeded()
