"""What happens, beside its removal, when a message is settled: documents, messages, and parts of chords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Write(NamedTuple):
    """A result document, stored and announced (SET + PUBLISH of the same bytes; PROTOCOL 10.3).

    Never overwrites a document whose state is SUCCESS.
    """

    key: str
    document: bytes
    expires: int
    """Seconds; 0 keeps it for ever."""
    over: Sequence[str] = ()
    """Only in a settlement: what is there already is overwritten only in one of these states. None named: in
    any but SUCCESS."""


class Push(NamedTuple):
    """A message put into a queue: at the tail, or with `head` where it is the next to be taken."""

    queue: str
    message: bytes
    priority: int = 0
    """0 to 9, 0 is served first (PROTOCOL 6.3)."""
    head: bool = False


class ChordSize(NamedTuple):
    """A chord begins: how many parts its body waits for (PROTOCOL 11.2). `key` is that of its group, here and
    below, complete with its prefix; it is where results are stored."""

    key: str
    size: int
    expires: int
    """Seconds; 0: for ever."""
    structure: bytes = b""
    """The saved group (PROTOCOL 11.1); empty: it has none."""


class ChordPart(NamedTuple):
    """A part of a chord has ended: its entry is added to the others, once for each member (PROTOCOL 11.3).

    If that makes the chord complete, `join` is published in the same step. It may be published again,
    when the part is counted again, until the chord has ended.
    """

    key: str
    member: str
    """`<task id>:<group index>`."""
    entry: bytes
    score: str
    """Group index, or `+inf`; empty: entries are kept in the order in which they come."""
    expires: int
    join: Push


class ChordEnd(NamedTuple):
    """What a settlement does is done only if the chord is complete and not over; and then it is over
    (where the results are on another server: claimed). While a Celery worker has the claim to end it, only
    `again` is published."""

    key: str
    expires: int
    again: Push


class Settlement(NamedTuple):
    """The end of our care for one message: it leaves unacked storage, and with it, in the same
    step, everything below happens; nothing at all if it is not ours any more (then its tag is reported
    in `Received.fenced`).

    Ack: nothing else. Result: `writes`. Follow-ups and retries: `pushes`. Requeue: one push of the
    message. Dead letter: `dead`, an entry for `runtime.dead.<queue>` (`brokers.dead_letter.encode`).
    """

    tag: str
    """Empty: the message has left our care before (early ack), so there is no fence, and the
    effects happen always."""
    writes: Sequence[Write] = ()
    pushes: Sequence[Push] = ()
    dead: tuple[str, bytes] | None = None
    """(queue, entry): kept for an operator."""
    chords: Sequence[ChordSize | ChordPart | ChordEnd] = ()
    """In this order, before the rest. A ChordEnd comes first."""
