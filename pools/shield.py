"""Signals that are meant for the supervisor and must not end its descendants."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from types import FrameType

SHIELDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""What a terminal, a service manager or an operator sends to a whole group of processes."""


def _unmoved(signum: int, frame: FrameType | None) -> None:
    """A handler, not SIG_IGN: programs that a task executes would inherit SIG_IGN, and
    `subprocess.Popen.terminate` in a task would then do nothing."""


def ignore(*signals: signal.Signals) -> None:
    for number in signals:
        signal.signal(number, _unmoved)


def lower_for_job(is_meant: Callable[[], bool]) -> None:
    """In a child that runs one job at a time. is_meant: whether a signal that has come is meant for the job
    that runs: then it does what it does by default."""

    def unmoved_or_default(signum: int, frame: FrameType | None) -> None:
        if is_meant():
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)

    for number in SHIELDED:
        signal.signal(number, unmoved_or_default)


def restore_in_descendants() -> None:
    """Let processes that are forked from here die of SIGTERM and the like again, so that a task can
    end its own (multiprocessing's `terminate`). Call once, in a child."""
    when_forked(SHIELDED, _restore)


def when_forked(signals: Collection[signal.Signals], restore: Callable[[], None]) -> None:
    """Call `restore`, which sets the handlers of these signals, in each process that is forked from this one.
    Until then they are held: one that came before would be lost, and its sender wait for ever."""

    def hold() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)

    def begin() -> None:
        restore()
        let_through()

    os.register_at_fork(before=hold, after_in_parent=let_through, after_in_child=begin)


def _restore() -> None:
    for number in SHIELDED:
        if getattr(signal.getsignal(number), "__module__", None) == __name__:
            signal.signal(number, signal.SIG_DFL)
