"""What a broker promises: it moves messages between queues and the care of a worker.

Tasks: `Consumer` is the worker's side; `Publisher` the sender's; `Results` the reader's of stored
results; `DeadLetters` the operator's. Remote control and what else is said to everybody: `Mailbox` is the
worker's side, `Caller` the operator's. A broker is found by the scheme of its URL (`brokers.registry`).

Where a message is (promise P1): in a queue, in unacked storage under one tag, or settled. Every
verb below moves it between these in one atomic step of the server.

One suite, `tests/contract/`, runs over every implementation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from brokers.dead_letter import DeadLetter
from brokers.effects import ChordEnd, ChordPart, ChordSize, Push, Settlement, Write
from brokers.errors import BrokerError, BrokerMisconfigured, BrokerRefused, BrokerUnavailable
from brokers.queue import Queue
from brokers.retry_policy import RetryPolicy

__all__ = [
    "Backlog", "Binding", "Broadcast", "BrokerError", "BrokerMisconfigured", "BrokerRefused",
    "BrokerUnavailable", "Caller", "ChordEnd", "ChordPart", "ChordSize", "Consumer", "DeadLetters",
    "Delivery", "Heard", "Held", "Mailbox", "Publisher", "Push", "Queue", "Received", "Results",
    "RetryPolicy", "Settlement", "Write",
]  # fmt: skip


class Delivery(NamedTuple):
    """A message as fetched, now in unacked storage under `tag`."""

    tag: str
    queue: str
    message: bytes
    """The envelope's bytes exactly as they were in the queue (PROTOCOL 3)."""
    held: bool = False
    """True when it comes back from `Consumer.hold`: its time is near."""


class Backlog(NamedTuple):
    """How much waited when the server looked (`Consumer.measure`)."""

    waiting: Mapping[str, int]
    """Messages in each queue of the consumer, all priorities together."""
    held: int
    """Messages that this consumer has given into `Consumer.hold`, and that have not come back."""


class Held(NamedTuple):
    """A message that the server keeps for us until it is due (`Consumer.look`)."""

    due: float
    """Epoch seconds."""
    queue: str
    message: bytes


@dataclass(slots=True)
class Received:
    """What has happened since the last `Consumer.receive`."""

    deliveries: list[Delivery] = field(default_factory=list)
    taken: bool = False
    """The last `take` has been answered (with `deliveries`, or none)."""
    more: bool = False
    """That take has left something behind, or cannot tell: take again when there is room. If not, the
    server tells when something comes (`awake`)."""
    settled: int = 0
    """Settlements confirmed by the server, fenced ones included."""
    fenced: list[str] = field(default_factory=list)
    """Tags of settlements that did nothing: the message was not ours any more."""
    refused: list[str] = field(default_factory=list)
    """Single effects that the server would not have (a push to a key that is no queue), as text for
    the log. The rest of their settlements was done; repeating them would not help."""
    restored: int = 0
    """Messages of workers that are gone, put back into their queues."""
    backlog: Backlog | None = None
    """The answer to a `measure`."""
    namesakes: list[str] = field(default_factory=list)
    """Once after the start: other workers of our node name whose leases run, for the log."""
    held: list[Held] | None = None
    """The answer to a `look`."""
    sighted: list[Delivery] = field(default_factory=list)
    """Messages that were sought (`seek`). They stay held, unless they are settled before the next
    `receive`."""
    awake: bool = False
    """A queue of ours that was empty has got a message: take."""
    taking: bool = False
    """It has got one that was expected, and a take is under way (`Consumer.expect`)."""
    problem: BrokerError | None = None
    """The connection was lost, or could not be made, since; it is being rebuilt by itself."""
    connected: bool = False
    """A (new) connection has been made since, to every server that is needed."""
    evicted: bool = False
    """We were away for longer than our lease, and all messages that were delivered before and are not
    settled are with others now: stop working on them. Their settlements do nothing (`fenced`)."""


class Consumer(Protocol):
    """The worker's side of a broker. Single-threaded; only the supervisor's loop calls it.

    No call blocks. A request (`take`, `settle`, `hold`) is sent at once, or kept while the
    connection is being rebuilt and sent then; what came of it is returned by `receive`. A crash of
    the worker at any point leaves every message in a queue or in unacked storage under a tag that
    begins with this consumer's incarnation, from where recovery takes it.
    """

    incarnation: str
    """Names this life of the worker; the first part of all its tags. Another one after
    `Received.evicted`."""

    @property
    def queues(self) -> tuple[str, ...]:
        """From which it takes; changed by `consume` only."""

    def fileno(self) -> int:
        """A descriptor that is readable when `receive` has something. Never changes."""

    def connect(self, timeout: float) -> None:
        """Make the first connection, blocking for at most `timeout` seconds.

        Raises BrokerUnavailable (worth another try) or BrokerRefused.
        """

    def receive(self, now: float) -> Received:
        """Everything that has happened. `now` is time.monotonic().

        Also does what is due by time (renewing the lease, reconnecting, recovery), so call it
        whenever `fileno` is readable and at `next_deadline`.
        """

    def next_deadline(self) -> float:
        """When `receive` must be called at the latest, in time.monotonic() seconds."""

    def leased(self, now: float) -> bool:
        """Whether what was delivered is ours for certain. Begin nothing while it may be with others:
        after a lease without an answer, until there is one."""

    def take(self, limit: int) -> None:
        """Ask for up to `limit` messages, over all queues in priority order, each recorded as
        unacked in the same step. At most one take may be unanswered.

        Take again when the answer says `Received.more`, at `Received.awake`, and about once a second
        all the same: this is what brings held messages back, and no worker goes deaf."""

    def expect(self, limit: int) -> None:
        """When a queue of ours that was empty gets a message, take up to `limit` at once, without being
        asked: `Received.taking` tells so, in place of `awake`. 0: do not, which is so at first, and
        again after every take and every break."""

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """End our care for these messages; see Settlement. Any number may be unanswered."""

    def hold(self, held: Sequence[tuple[str, float]]) -> None:
        """Keep these (tag, due epoch) in unacked storage, forget them here, and deliver each again
        (`Delivery.held`) about a second before it is due. Costs this process no memory."""

    def rouse(self) -> None:
        """Deliver again all that is held, due or not, with the next takes and in the order of their due
        times."""

    def measure(self) -> None:
        """Ask how much waits, for `Received.backlog`. One command; changes nothing. Without a connection, or
        where it breaks before the answer, there is none: ask another time."""

    def look(self, most: int) -> None:
        """Ask for up to `most` of the messages that are held, the earliest first and a few megabytes in all,
        for `Received.held`. Otherwise as `measure`."""

    def seek(self, texts: Iterable[str]) -> None:
        """Find the held messages in which one of these texts stands as a JSON string (perhaps a few others
        too), for `Received.sighted`. In steps that stop the server for a few ms at most, however many are
        held; without any command if none was ever held. Goes on after a break."""

    def consume(self, queues: Sequence[str]) -> None:
        """Take from these queues from now on; none is allowed. What was asked for before may still come."""

    def bind(self, queues: Sequence[Queue]) -> None:
        """Bind these, so that who sends to an exchange finds them (PROTOCOL 6.1). They stay bound. Without a
        connection, or where it breaks before that is done, they are not: call it at each one
        (`Received.connected`)."""

    def pending(self) -> int:
        """Settlements and holds sent or kept that the server has not confirmed yet."""

    def close(self, timeout: float) -> list[str]:
        """Give back what is held, drop the lease, wait up to `timeout` seconds for confirmations,
        and disconnect. Messages taken and neither settled nor held must have been settled before.

        Returns which settlements have not been confirmed, for people: each one's tag; without one what
        is missing without it, the key of its result or a message for a queue."""


class Binding(NamedTuple):
    """A subscription to a fanout exchange (PROTOCOL 6.1, 12.1)."""

    exchange: str
    routing_key: str
    """Words joined by dots; `#` stands for any. Empty: what is broadcast without a key."""
    queue: str
    """A name only, unique to the worker: tells others who listens."""


class Broadcast(NamedTuple):
    """A message that was said to everybody."""

    exchange: str
    """Of the binding by which it was heard."""
    message: bytes


@dataclass(slots=True)
class Heard:
    """What has happened since the last `Mailbox.receive`."""

    broadcasts: list[Broadcast] = field(default_factory=list)
    """In the order in which they came."""
    collected: list[bytes] = field(default_factory=list)
    """Answers to `collect`."""
    unheard: int = 0
    """Further ones that came with them, more than are kept: dropped."""
    unsaid: int = 0
    """Messages of ours that found no room while others waited for the server: dropped."""
    refused: list[str] = field(default_factory=list)
    """What the server would not have, as text for the log."""
    problem: BrokerError | None = None
    """The connection was lost, or could not be made, since; it is being rebuilt by itself."""
    connected: bool = False
    """A (new) connection has been made since: from now on we hear."""


class Mailbox(Protocol):
    """What a worker hears and says beside its tasks. Nothing is kept for those who are away, and anything
    may get lost with a connection: of what is said, and of what is to be heard.

    Single-threaded; only the supervisor's loop calls it. No call blocks (but `close`). It connects by
    itself, and goes on trying for ever. A crash leaves the names of its bindings behind."""

    def fileno(self) -> int:
        """A descriptor that is readable when `receive` has something. Never changes."""

    def receive(self, now: float) -> Heard:
        """Everything that has happened. `now` is time.monotonic(). Also connects, so call it whenever
        `fileno` is readable and at `next_deadline`; the first time at once."""

    def next_deadline(self) -> float:
        """When `receive` must be called at the latest, in time.monotonic() seconds."""

    def bind(self, binding: Binding) -> None:
        """Hear this too, from now on."""

    def unbind(self, binding: Binding) -> None:
        """Hear it no more. Something that was said before may still come."""

    def room(self) -> int:
        """Bytes that may still be said until the server has taken some; what goes beyond is dropped."""

    def broadcast(self, exchange: str, routing_key: str, message: bytes) -> None:
        """To all who listen now, or when there is a connection. What waits for the server is bounded."""

    def expect(self, exchange: str, routing_key: str) -> None:
        """From now on what is sent to this direct exchange with this key is for us: `collect` it. One key at
        a time."""

    def collect(self) -> None:
        """Ask for what has come; it is returned by `receive`. Nothing comes where the connection breaks."""

    def expect_no_more(self) -> None:
        """Remove what `expect` has bound, with what has come for it."""

    def reply(self, exchange: str, routing_key: str, message: bytes) -> None:
        """Into every queue that is bound to the direct exchange with this very key; dropped where there is
        none: who asked has gone (PROTOCOL 12.2). Waits, and is bounded, as a broadcast."""

    def close(self, timeout: float) -> None:
        """Take the names of the bindings off, and what is expected; wait up to `timeout` seconds until the
        server has all that was said, and disconnect."""


class Publisher(Protocol):
    """The sender's side. Safe to use from several threads and after a fork. Each call blocks until
    the server has confirmed it, and is tried again by the policy while it cannot; then it raises
    BrokerUnavailable, or at once BrokerRefused."""

    def publish(self, pushes: Sequence[Push], policy: RetryPolicy = ...) -> None:
        """Put these messages into their queues, in order, in as few round trips as possible. A late answer
        doubles nothing. A connection that breaks before the answer may: the next try sends them again.
        (Celery's clients do the same.)"""

    def broadcast(self, exchange: str, routing_key: str, messages: Sequence[bytes]) -> None:
        """To all who listen to the fanout exchange now, in order."""

    def declare(self, queue: Queue, policy: RetryPolicy = ...) -> None:
        """Bind the queue as Celery does (PROTOCOL 6.1); once per queue and process is enough."""

    def bound(self, exchange: str, policy: RetryPolicy = ...) -> list[Queue]:
        """What anybody has bound to this exchange."""

    def length(self, queue: str) -> int:
        """How many messages wait in the queue, all priorities."""

    def purge(self, queue: str) -> int:
        """Remove all waiting messages; how many there were."""

    def close(self) -> None: ...


class Results(Protocol):
    """Stored results, read and written by clients and children. As Publisher: threads, fork, errors."""

    def get(self, key: str) -> bytes | None: ...

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]: ...

    def write(self, writes: Sequence[Write]) -> None:
        """Store and announce now, outside any settlement."""

    def wait(self, key: str, timeout: float | None, known: bytes | None = None) -> bytes:
        """Block until the key holds a document other than `known`, or one is announced; its bytes,
        whether its state is final or not. To wait on, give what was returned as `known`.

        Raises TimeoutError after `timeout` seconds (None: waits for ever)."""

    def delete(self, keys: Sequence[str]) -> int: ...

    def begin_chords(self, sizes: Sequence[ChordSize]) -> None:
        """Store how many parts each waits for, before any of these is sent."""

    def extend_chord(self, key: str, expires: int) -> None:
        """It waits for one part more."""

    def chord_entries(self, key: str) -> list[bytes]:
        """Of the parts that have ended, in the order of their index."""

    def close(self) -> None: ...


class Waiter(Protocol):
    """Awaits stored results in the event loop that it was made for, and in no other. Many may wait at once.
    Ends with the loop's tasks, or by `close`."""

    async def wait(self, key: str, known: bytes | None = None) -> bytes:
        """As `Results.wait`, without a bound. Raises BrokerUnavailable or BrokerRefused when the server
        cannot be had."""

    async def close(self) -> None: ...


class Caller(Protocol):
    """The asking side of remote control, for one question. One thread. Errors as Publisher."""

    def bind(self, exchange: str, routing_key: str) -> None:
        """From now on what is sent to this direct exchange with this key is for us."""

    def broadcast(self, exchange: str, message: bytes) -> int:
        """To all who listen to the fanout exchange now; how many, as far as the server can tell: perhaps
        more than that, never fewer."""

    def receive(self, timeout: float) -> bytes | None:
        """The next message for us; None after `timeout` seconds without one."""

    def close(self) -> None:
        """Remove what was bound, with what has come for it."""


class DeadLetters(Protocol):
    """The operator's side: what could not be done of one queue. As Publisher: threads, fork, errors."""

    queue: str

    def letters(self) -> Iterator[DeadLetter]:
        """All, the oldest first; those that have passed their age are removed before. One that is buried
        meanwhile may come or not; where one is removed meanwhile, another may be missed."""

    def retry(self, letter: DeadLetter) -> bool:
        """Move its message to the tail of the queue, without its counts of deaths and restores, and the
        entry out of the list, in one atomic step.

        False: the entry is not there any more, and nothing was done: somebody else was quicker, or an
        earlier try of this call was, whose answer got lost."""

    def drop(self, letter: DeadLetter) -> bool:
        """Remove it for good. False: as `retry`."""

    def close(self) -> None: ...
