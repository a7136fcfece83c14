"""Exit codes of `runtime start`, for service managers and people. Listed in the README."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    """Stopped as asked."""
    USAGE = 2
    """A wrong option, setting or app."""
    CHILDREN = 3
    """Children could not boot, again and again."""
    BROKER_REFUSED = 4
    """The broker refuses us: wrong password, no such database."""
    BROKER_GONE = 5
    """The broker has been away for `broker_connection_timeout_total`."""
    STEP_FAILED = 7
    """A bootstep could not be started."""


class Leave(Exception):
    """The start of a worker is over, as has been said: the process is to end with this code."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.code = code
