"""How a task ended: what a child tells the supervisor.

Encoded with `marshal`: both ends are the same interpreter and the bytes never leave the machine;
it is several times as fast as JSON here and carries the result document without escaping it again.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Any, NamedTuple

from brokers.interface import ChordEnd, ChordPart, ChordSize, Push

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
    chords: Sequence[ChordSize | ChordPart | ChordEnd] = ()
    """Parts that have ended, chords that begin or end; in this order, before the rest."""
    text: str = ""
    """The printed result, exception or reason, for the log."""
    traceback: str | None = None
    requeue: bool = False
    """REJECTED only: the message goes back into its queue."""
    cause: str = ""
    """RETRY and REJECTED: the printed exception that made it run again, or said so."""


PLAIN_SUCCESS = Report(SUCCESS)

TELL = b" "
"""A job that begins with it is to tell what it returned, though the log would not: the events do. (A message
is JSON, which may begin with a space; so each job says it for itself, whenever its child was made.)"""


_TOLD = b"="
"""What a success with nothing to store or send begins with; the rest is its text. (marshal: `[`.)"""
_STORED = b"+"
"""What a success with nothing but a document begins with; the rest is that, as `Report` has it."""


def is_bare(report: Report) -> bool:
    """A success with nothing to store or send."""
    return report.state == SUCCESS and not (report.documents or report.pushes or report.chords)


def encode(report: Report) -> bytes:
    """A success with nothing to store, send or tell is no bytes at all: the commonest answer. One with
    nothing but a document comes next."""
    if is_bare(report):
        return _TOLD + report.text.encode(errors="surrogatepass") if report.text else b""
    if report.state == SUCCESS and len(report.documents) == 1 and not any(report[2:]):
        return _STORED + marshal.dumps(report.documents[0])
    pushes = [tuple(push) for push in report.pushes]
    return marshal.dumps([*report[:2], pushes, [_flat(chord) for chord in report.chords], *report[4:]])


def decode(payload: bytes) -> Report:
    if not payload:
        return PLAIN_SUCCESS
    if payload[:1] == _TOLD:
        return Report(SUCCESS, text=payload[1:].decode(errors="surrogatepass"))
    if payload[:1] == _STORED:
        return Report(SUCCESS, (marshal.loads(memoryview(payload)[1:]),))
    state, documents, pushes, chords, *rest = marshal.loads(payload)
    chords = [_chord(*chord) for chord in chords]
    return Report(state, documents, [Push(*push) for push in pushes], chords, *rest)


def _flat(chord: ChordSize | ChordPart | ChordEnd) -> tuple[Any, ...]:
    return type(chord).__name__, *(tuple(each) if isinstance(each, Push) else each for each in chord)


def _chord(kind: str, *fields: Any) -> ChordSize | ChordPart | ChordEnd:
    if kind == ChordSize.__name__:
        return ChordSize(*fields)
    *others, push = fields
    made: type[ChordPart | ChordEnd] = ChordPart if kind == ChordPart.__name__ else ChordEnd
    return made(*(*others, Push(*push)))
