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
