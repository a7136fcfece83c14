"""What every child is before its loop runs, whatever its pool's kind.

A child's loop, the only thing in which kinds differ, is a function
`serve(jobs, reports, run, notice)`: it takes jobs, reports each as started before and as finished
after it ran, and returns when no more will come.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import traceback
from _socket import socket as RawSocket
from collections.abc import Callable
from pkgutil import resolve_name
from types import FunctionType
from typing import NamedTuple

from pools import shield
from pools.descent import die_with_parent
from pools.interface import ChildOptions
from pools.kinds import Kind
from pools.notice import Notice
from pools.transport import FAILED, READY, ChildEnds, JobReceiver, ReportSender, record

Run = Callable[[memoryview], bytes]


class Station(NamedTuple):
    """What a child's loop works with."""

    jobs: JobReceiver
    reports: ReportSender
    run: Run
    notice: Notice
    options: ChildOptions


Serve = Callable[[Station], None]

STDERR = 2


def live(ends: ChildEnds, parent: int, kind: Kind, options: ChildOptions, run: Run) -> None:
    """The whole life of a child that has just been forked by the process `parent`."""
    die_with_parent(parent)
    os.setsid()
    shield.restore_in_descendants()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until its loop handles it
    # Registered by descriptor: sys.stderr may be anything that the user's code has put there.
    faulthandler.register(signal.SIGUSR2, file=STDERR, all_threads=True, chain=False)
    if kind.after_fork is not None:
        resolve_name(kind.after_fork)()
    reports = ReportSender(ends.reports)
    notice = Notice(ends.notice)
    os.close(ends.notice)
    if options.after_fork is not None:
        _call_hook(options.after_fork, reports)
    reports.send(record(READY, 0, 0.0))
    with contextlib.suppress(BrokenPipeError):  # the supervisor is gone: there is nobody to tell
        station = Station(JobReceiver(RawSocket(fileno=ends.jobs)), reports, run, notice, options)
        _signed(resolve_name(kind.serve))(station)


def _signed(serve: Serve) -> Serve:
    """The same, called from a frame whose name tells in a dump of stacks whose they are. (faulthandler
    writes in C and names no process; a handler in Python would not run while a task hangs in C.)"""

    def child(station: Station) -> None:
        serve(station)

    code = child.__code__.replace(co_name=f"child {os.getpid()}")
    return FunctionType(code, globals(), closure=child.__closure__)


def _call_hook(after_fork: str, reports: ReportSender) -> None:
    try:
        resolve_name(after_fork)()
    except BaseException:  # the user's code: whatever ends it, the supervisor must be told
        reports.send(record(FAILED, 0, 0.0, traceback.format_exc().encode()))
        raise
