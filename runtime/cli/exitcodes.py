"""Exit codes of the verbs that ask for something once (`call`, `result`, …), besides those of
`runtime.worker.exitcodes`, which mean the same for every verb. Listed in the README."""

from __future__ import annotations

from enum import IntEnum


class ClientExit(IntEnum):
    TASK_FAILED = 1
    UNHEALTHY = 1
    """`health`: the worker is not live, or not ready, or does not answer."""
    NO_RESULT = 6
    """There is none yet, or not within `--timeout`."""
    INTERRUPTED = 130
    """By Ctrl-C, or a question answered with no; 128 + SIGINT, as of a shell."""
