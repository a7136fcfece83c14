"""Signals that are meant for the supervisor and must not end its descendants."""

from __future__ import annotations

import os
import signal
from types import FrameType

SHIELDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""What a terminal, a service manager or an operator sends to a whole group of processes."""


def _unmoved(signum: int, frame: FrameType | None) -> None:
    """A handler, not SIG_IGN: programs that a task executes would inherit SIG_IGN, and
    `subprocess.Popen.terminate` in a task would then do nothing."""


def ignore(*signals: signal.Signals) -> None:
    for number in signals:
        signal.signal(number, _unmoved)


def restore_in_descendants() -> None:
    """Let processes that are forked from here die of SIGTERM and the like again, so that a task can
    end its own (multiprocessing's `terminate`). Call once, in a child."""
    os.register_at_fork(after_in_child=_restore)


def _restore() -> None:
    for number in SHIELDED:
        if signal.getsignal(number) is _unmoved:
            signal.signal(number, signal.SIG_DFL)
