"""The supervisor's hold on one fork server."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys

from pools.control import Control, Fork, Load, Message
from pools.interface import ChildOptions
from pools.kinds import Kind
from pools.transport import ChildEnds

_EXIT_TIMEOUT = 5.0
"""Seconds after which a fork server that should end is killed; its children die with it."""


class ForkServerClient:
    """Starts the process at once. Raises OSError when that is impossible."""

    def __init__(self, options: ChildOptions, kind: Kind, now: float) -> None:
        self.born = now
        self.heard_at = now
        """When it said something last, or could not have (time.monotonic())."""
        self.loaded = False
        self.failure: str | None = None
        """Why its code could not be loaded."""
        self.refused = False
        """By the code itself (BootRefused)."""
        self.ending = False
        """It has been told to end: that it does is no failure."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = Control(ours)
        self._control.send(Load(options, kind))
        with contextlib.ExitStack() as undo, theirs:
            undo.callback(self._control.close)
            self._process = subprocess.Popen(
                [sys.executable, "-c", _program(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # the signals of our group are not for it
            )
            undo.pop_all()

    def fileno(self) -> int:
        return self._control.fileno()

    def fork(self, number: int, ends: ChildEnds) -> None:
        """Ask for a child; Forked or NotForked will answer. Does nothing when the process is gone:
        `receive` is about to tell."""
        try:
            self._control.send(Fork(number), ends)
        except ConnectionError:
            return

    def receive(self) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors. None: the process is gone.

        Raises BlockingIOError when there is nothing now.
        """
        return self._control.receive(socket.MSG_DONTWAIT)

    def end(self) -> None:
        """Let it kill what children it has, and leave. One that is still loading is killed."""
        if self.ending:
            return
        self.ending = True
        if self.loaded:
            self._control.end()
        else:
            self._process.kill()

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> int:
        """Its exit code, when it has ended or is about to."""
        try:
            return self._process.wait(_EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            return self._process.wait()

    def close(self) -> None:
        self._control.close()


def _program(descriptor: int) -> str:
    return f"import sys; sys.path[:] = {sys.path!r}; from pools.forkserver import main; main({descriptor})"
