"""How a task ended: what a child tells the supervisor.

Encoded with `marshal`: both ends are the same interpreter and the bytes never leave the machine;
it is several times as fast as JSON here and carries the result document without escaping it again.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import NamedTuple

from brokers.interface import Push

SUCCESS = "SUCCESS"
FAILURE = "FAILURE"
RETRY = "RETRY"
IGNORED = "IGNORED"
REJECTED = "REJECTED"
MALFORMED = "MALFORMED"


class Report(NamedTuple):
    state: str
    """One of the six above."""
    documents: Sequence[tuple[str, bytes]] = ()
    """(task id, result document) to store with the settlement."""
    pushes: Sequence[Push] = ()
    """Follow-ups, or the retry."""
    text: str = ""
    """The printed result, exception or reason, for the log."""
    traceback: str | None = None
    requeue: bool = False
    """REJECTED only: the message goes back into its queue."""
    cause: str = ""
    """RETRY only: the printed exception that made it run again."""


PLAIN_SUCCESS = Report(SUCCESS)

TELL = b" "
"""A job that begins with it is to tell what it returned, though the log would not: the events do. (A message
is JSON, which may begin with a space; so each job says it for itself, whenever its child was made.)"""


def encode(report: Report) -> bytes:
    """A success with nothing to store, send or tell is no bytes at all: the commonest answer."""
    if report is PLAIN_SUCCESS or report == PLAIN_SUCCESS:
        return b""
    return marshal.dumps([*report[:2], [tuple(push) for push in report.pushes], *report[3:]])


def decode(payload: bytes) -> Report:
    if not payload:
        return PLAIN_SUCCESS
    state, documents, pushes, *rest = marshal.loads(payload)
    return Report(state, documents, [Push(*push) for push in pushes], *rest)
