"""What a pool promises: it runs jobs in children, under limits, and tells how each one ended.

A pool knows nothing of messages: bytes in, bytes out. For every submitted job it reports exactly
one of Finished, TimedOut, Lost, or gives it back unread from `recall` or `stop`.

One suite, `tests/contract/test_pools.py`, runs over every implementation.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Job(NamedTuple):
    id: int
    """Chosen by the caller, 0 or more, 63 bits; unique among the jobs in the pool."""
    payload: bytes
    soft: float | None = None
    """Seconds after its start at which SoftTimeLimitExceeded is raised inside the job (see
    `ChildOptions.boot`)."""
    hard: float | None = None
    """Seconds after its start at which the job is killed."""


class Booted(NamedTuple):
    """The user's code has been loaded by the pool's (new) fork server; `hello` is what its boot
    function had to say. Slots appear from now on."""

    hello: bytes


class Started(NamedTuple):
    """A child has begun this job. Comes before its end, always."""

    job: int
    at: float
    """time.monotonic(), as the child saw it (the clock is the same for all processes)."""
    pid: int


class Finished(NamedTuple):
    job: int
    payload: bytes
    at: float
    """time.monotonic() at which the child had the answer."""


class TimedOut(NamedTuple):
    """Ended by its hard limit. Its child is gone, or condemned if other jobs run there: it takes no
    more, is replaced at once, and killed when those have ended or `drain_timeout` is over. In this job
    SoftTimeLimitExceeded is raised, if it has not been; what it does until then is ignored."""

    job: int
    limit: float


class Lost(NamedTuple):
    """Its child died while it ran this job. A job that had not begun is not Lost: the pool gives it
    to another child by itself."""

    job: int
    exitcode: int
    """As of multiprocessing: negative is the signal's number."""
    pid: int
    blameless: bool = False
    """It ran too long beside one for which the child was condemned: that is all there is to say
    against it."""


class Killed(BaseException):
    """Raised in a job that is to end at once, in a pool that cannot kill its process. `run` lets it pass."""


class BootRefused(Exception):
    """Raised by a boot function that would fail the next time, too; its text says why."""


class ChildFailed(NamedTuple):
    """A child, or the fork server, could not boot, or died idle. The pool tries again with
    back-off; `fatal` when it has given up (`attempts` in a row), until the next `restart`.

    If it is the fresh code of a `restart` that cannot boot, the old children go on instead."""

    reason: str
    attempts: int
    fatal: bool
    refused: bool = False
    """By BootRefused, whose text is the reason; so it is not tried again."""


Event = Booted | Started | Finished | TimedOut | Lost | ChildFailed


@dataclass(frozen=True, slots=True)
class ChildOptions:
    """How children of any pool are made."""

    boot: str
    """`module:function`, called once in the fork server as `function(boot_argument)`; returns
    `(run, hello)`. `hello: bytes` is reported in Booted. An exception here is a ChildFailed;
    BootRefused is fatal at once.

    `run(payload: memoryview) -> bytes` executes one job in a child, and turns all that a task may
    raise into an answer: what it raises itself ends the child with exit code 70, the job is Lost.
    `payload` is valid until it returns. `billiard.exceptions.SoftTimeLimitExceeded` is raised at
    most once in a job, and only in what `run` calls, never in its own frame: one `try` around all
    that it calls is enough, and what its `except` clause calls is safe.

    An asyncio pool instead calls `run.coroutine(payload: bytes) -> Coroutine[Any, Any, bytes]`, under
    the same rules; SoftTimeLimitExceeded is raised where the coroutine waits. What must not run in
    the event loop, it gives to the loop's default executor and waits for: then SoftTimeLimitExceeded
    is raised in that thread, and arrives with what the thread raises."""
    boot_argument: bytes = b""
    before_fork: str | None = None
    """`module:function`, called in the fork server with no argument before each child is made. An exception
    here is a ChildFailed. Not in a pool without children."""
    after_fork: str | None = None
    """`module:function`, called in each new child with no argument before its first job."""
    max_tasks: int | None = None
    """A child is replaced after that many jobs (given to it; those taken back do not count)."""
    max_memory: int | None = None
    """Kilobytes of resident memory after which a child that has had a job is replaced. Looked at once a
    second, while it runs a job too; it finishes that job, and goes when its replacement is ready."""
    max_lifetime: float | None = None
    """Seconds after which a child is replaced, in the same way. Looked at once a second."""
    drain_timeout: float = 30.0
    """Seconds that the other jobs of a condemned child may take before they are Lost."""
    max_blocking: float | None = 1.0
    """Seconds that a job may keep the event loop of an asyncio or gevent child from turning before the
    stack is written to stderr, and a line logged when it turns again. None: nobody watches."""
    boot_timeout: float = 60.0
    """Seconds that the fork server may take to boot, a child to report, and the fork server to tell that a
    child exists or how it ended: one that hangs is killed, and its children with it."""


class Pool(Protocol):
    """Single-threaded: only the supervisor's loop calls it. No call blocks (but `stop`)."""

    def start(self) -> None:
        """Begin to make the children. Returns at once; Booted tells when code is loaded."""

    def fileno(self) -> int:
        """A descriptor that is readable when `receive` has something. Never changes."""

    def receive(self, now: float) -> list[Event]:
        """Everything that has happened, oldest first. Enforces limits and respawns children, so
        call it when `fileno` is readable and at `next_deadline`. `now` is time.monotonic()."""

    def next_deadline(self) -> float:
        """When `receive` must be called at the latest (time.monotonic() seconds; inf: no need)."""

    def slots(self) -> int:
        """How many jobs can run at once, by configuration."""

    def width(self) -> int:
        """How many jobs one child can run at once."""

    def idle(self) -> int:
        """Slots that exist, are booted and have no job, running or queued."""

    def queued(self) -> int:
        """Jobs accepted by `submit` that no child has begun."""

    def ahead(self) -> int:
        """Those of them for which there is no slot yet."""

    def room(self, depth: int) -> int:
        """How many jobs `submit` with that depth would accept now, at most."""

    def submit(self, jobs: Sequence[Job], depth: int) -> int:
        """Hand over jobs in order; how many were accepted (a prefix of `jobs`).

        Idle slots are served first. Up to `depth` jobs beyond its slots are queued ahead at a child;
        0: only idle slots are used."""

    def isolate(self, jobs: Sequence[Job]) -> int:
        """Hand over jobs that may be what kills children: each runs beside no other, so that nobody
        dies with it, and its death is nobody's but its own. How many were accepted (a prefix).

        In a pool whose children run several at once each gets a child of its own, for which it waits."""

    def recall(self, now: float, stuck: float) -> list[Job]:
        """Take back, in their old order, jobs that a child has not read: those queued where every slot
        has been busy with the same job for at least `stuck` seconds, or where an idle slot has not
        begun one for so long; nothing is queued there again before something moves. Also those queued for a
        few times as long, and those that wait for a new child because theirs is gone.
        stuck=0: all that are queued, the isolated ones too."""

    def running(self) -> dict[int, float]:
        """Job id → time.monotonic() of its start."""

    def kill(self, jobs: Sequence[int]) -> None:
        """End these running jobs; each is reported as Lost. Their children are killed, or condemned
        if they run others too (see TimedOut)."""

    def interrupt(self, jobs: Sequence[int]) -> None:
        """SoftTimeLimitExceeded is raised inside these running jobs now, and in no other: as if their soft
        limit had come. One that has had it before is left alone."""

    def send_signal(self, jobs: Sequence[int], number: signal.Signals) -> None:
        """Send a signal to the children that run these jobs: it does there what it does by default, unless
        the job has a handler for it. A job that ends by it is Lost. Raises ValueError, and sends nothing,
        in a pool whose children run several jobs at once, for it would hit them all."""

    def restart(self) -> None:
        """Load the code anew and replace every child, each as soon as it is idle; no job is lost."""

    def grow(self, slots: int) -> None: ...

    def shrink(self, slots: int) -> None:
        """Idle children go first; a busy one finishes its job before it goes. Raises ValueError
        when fewer than 1 slot would be left."""

    def dump_stacks(self) -> None:
        """Each busy child, one after the other, writes the stacks of its threads to its stderr, even if it
        hangs in C."""

    def pids(self) -> list[int]: ...

    def ends(self) -> Mapping[str, int]:
        """How many children have ended so far, by cause (`pools.ending.CAUSES`), for metrics."""

    def stop(self, timeout: float) -> None:
        """End all children: those idle leave by themselves, any that is left after `timeout` seconds
        is killed. Blocks until all are gone. Jobs still in the pool are forgotten."""
