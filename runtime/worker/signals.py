"""Signals as data: a handler does nothing, the numbers are read from a descriptor by the loop."""

from __future__ import annotations

import os
import signal
import socket

from pools import shield
from runtime.early_signals import unheeded

HEEDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGTSTP,
    signal.SIGCONT,
)


def _queue_only(number: int, frame: object) -> None:
    """The interpreter has written the number to the wake-up descriptor before it calls this."""


class SignalInbox:
    """Owns the process's handlers between `open` and `close`. Main thread only."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._is_open = True
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in HEEDED:
            signal.signal(number, _queue_only)
        self._writer.send(unheeded())
        # What a task forks in a solo pool would write the signals that it gets, such as those of
        # multiprocessing's `terminate`, into the descriptor that it shares with us.
        shield.when_forked(HEEDED, self._restore)

    def fileno(self) -> int:
        return self._reader.fileno()

    def read(self) -> list[int]:
        """The numbers of the signals that came, oldest first."""
        try:
            return [number for number in os.read(self._reader.fileno(), 4096) if number in HEEDED]
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Signals get their default action again, but those that would end us are ignored: we are
        leaving."""
        self._is_open = False
        signal.set_wakeup_fd(-1)
        for number in HEEDED:
            signal.signal(number, signal.SIG_IGN)
        self._reader.close()
        self._writer.close()

    def _restore(self) -> None:
        """In a process that is forked from this one."""
        if self._is_open:
            signal.set_wakeup_fd(-1)
            for number in HEEDED:
                signal.signal(number, signal.SIG_DFL)
