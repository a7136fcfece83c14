"""Tells the service manager how the worker is: sd_notify(3), without libsystemd.

One datagram of `NAME=value` lines for each word. A manager that does not listen is no error of ours.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from runtime.worker.lifecycle import State

STATUS_EVERY = 10.0
"""Seconds."""
EXTENSION = 30.0
"""Seconds that a stopping worker asks for, each time that it tells its status."""


class Notifier:
    """What has been said, and what is due. Times are time.monotonic() seconds."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Takes its variables out of the environment: what tasks start is not the service."""
        path = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        meant_for = environment.pop("WATCHDOG_PID", "")
        self._socket: socket.socket | None = None
        self._path = "\0" + path[1:] if path.startswith("@") else path
        if path:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        watched = path and microseconds.isdecimal() and meant_for in ("", str(os.getpid()))
        self._watchdog_every = int(microseconds) / 2e6 if watched else float("inf")
        self._next_watchdog = 0.0 if watched else float("inf")
        self._next_status = 0.0
        self._announced = False
        self._reloading = False
        self._stopping = False

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return self._socket is not None

    def next_deadline(self) -> float:
        """When `tell` has something to say at the latest; inf without a manager."""
        if not self.listens:
            return float("inf")
        return min(self._next_status, self._next_watchdog) if self._announced else self._next_status

    def tell(self, now: float, state: State, live: bool, ready: bool, status: str) -> None:
        """Everything that is due."""
        words = []
        if ready and not self._announced:
            self._announced = True
            words.append("READY=1")
        if state >= State.DRAINING and not self._stopping:
            self._stopping = True
            words.append("STOPPING=1")
        if words or now >= self._next_status:
            self._next_status = now + STATUS_EVERY
            words.append(f"STATUS={status}")
            if self._stopping or not self._announced:  # both ends of a life may last; both have a time-out
                words.append(f"EXTEND_TIMEOUT_USEC={EXTENSION * 1e6:.0f}")
        if self._announced and live and now >= self._next_watchdog:
            self._next_watchdog = now + self._watchdog_every
            words.append("WATCHDOG=1")
        self._send(words)

    def reloading(self, now: float) -> None:
        """Fresh code is being loaded (`Type=notify-reload`)."""
        self._reloading = True
        self._send(["RELOADING=1", f"MONOTONIC_USEC={now * 1e6:.0f}"])

    def reloaded(self) -> None:
        """It is in use, or it was no good and the old one goes on."""
        if self._reloading:
            self._reloading = False
            self._send(["READY=1"])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _send(self, words: list[str]) -> None:
        if self._socket is None or not words:
            return
        try:
            self._socket.sendto("\n".join(words).encode(), self._path)
        except OSError:  # the manager is gone or its buffer full; it is told again in a moment
            return
