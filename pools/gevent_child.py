"""The loop of a gevent child: many jobs at once, each a greenlet.

The fork server is patched before it imports anything of the user's. What it needs itself it has
from before (see `pools.forkserver`), and its children are patched to the end: in the server itself
`os.fork` and SIGCHLD must be what they are.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

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


class _Job(gevent.Greenlet):  # type: ignore[misc]
    spawning_stack_limit = 0
    """To note down where it was made took a sixth of the time that making it does, and that is here."""

    def __init__(self, number: int, payload: bytes, loop: _Loop) -> None:
        super().__init__()
        self.number = number
        self.hit = False
        """It has had its soft limit."""
        self.begun = False
        self._payload = payload
        self._of = loop

    def _run(self) -> None:
        """Named so by gevent."""
        self.begun = True
        try:
            answer = self._of.run_job(memoryview(self._payload))
        except BaseException:  # noqa: BLE001  (the user's code; what it may raise, `run` has turned into an answer)
            break_down(EX_SOFTWARE, self._of.pid)
        self.hit = True  # or the limit could still hit it, here
        self._of.end(self, answer)

    def limit(self) -> None:
        """From the hub: SoftTimeLimitExceeded is raised where it waits."""
        if self.begun and not self.hit and self._of.has(self):
            self.hit = True
            self.throw(SoftTimeLimitExceeded())


class _Loop:
    def __init__(self, station: Station) -> None:
        self.pid = os.getpid()
        self.run_job = station.run
        self._notice = station.notice
        self._line = Line(station.jobs, station.reports, station.notice)
        self._loop = gevent.get_hub().loop
        # gevent's fork does it only afterwards: a job would wait for ever for its first process if
        # that had ended by then.
        self._loop.install_sigchld()
        self._readable = self._loop.io(self._line.fileno(), _READABLE)
        self._jobs: dict[int, _Job] = {}
        self._ended = Event()
        self._stall = StallWatch(station.options.max_blocking)
        self._watching = False
        self._spared = codes(_Job._run, station.run)
        signal.signal(signal.SIGUSR1, self._on_signal)

    def run(self) -> None:
        self._turn()
        self._ended.wait()

    def has(self, job: _Job) -> bool:
        return self._jobs.get(job.number) is job

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
            job = self._jobs[number] = _Job(number, payload, self)
            job.start()
        if self._line.full:
            self._readable.stop()
        else:
            self._readable.start(self._turn)
        if self._line.closed and not self._line.running:
            self._ended.set()

    def end(self, job: _Job, answer: bytes) -> None:
        if os.getpid() != self.pid:
            os._exit(0)  # a process that a task forked and let run on; it must not answer for us
        del self._jobs[job.number]
        if self._line.end(job.number, answer):
            self._loop.run_callback(self._turn)

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
        for job in overdue:
            if job is not current:
                self._loop.run_callback_threadsafe(job.limit)
        if self._line.full and self._line.running < self._notice.width:
            self._loop.run_callback_threadsafe(self._turn)  # there are more slots
        if current not in overdue or current.hit:
            return
        if frame is not None and frame.f_code not in self._spared:
            current.hit = True
            raise SoftTimeLimitExceeded()
