"""Drives a pool as the supervisor's loop does, and remembers what it said."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pools.interface import (
    Booted,
    ChildFailed,
    ChildOptions,
    Event,
    Finished,
    Job,
    Lost,
    Pool,
    Started,
    TimedOut,
)
from pools.kinds import BY_NAME
from pools.pool import ChildPool
from pools.respawn import Backoff

E = TypeVar("E", bound=Event)
End = Finished | TimedOut | Lost

KINDS = tuple(BY_NAME)
WIDE = tuple(kind.name for kind in BY_NAME.values() if kind.wide)

IMPATIENT = Backoff(first=0.02, longest=0.2, attempts=5)


class Driver:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.events: list[Event] = []
        self._next = 0

    def turn(self, timeout: float) -> None:
        deadline = min(self.pool.next_deadline(), time.monotonic() + timeout)
        select.select([self.pool], [], [], max(0.0, deadline - time.monotonic()))
        self.events += self.pool.receive(time.monotonic())

    def until(self, condition: Callable[[], object], timeout: float = 20.0) -> None:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout} s; last events: {self.events[-10:]}")
            self.turn(0.05)

    def until_idle(self, slots: int | None = None) -> None:
        self.until(lambda: self.pool.idle() == (self.pool.slots() if slots is None else slots))

    def job(self, payload: str | bytes, soft: float | None = None, hard: float | None = None) -> Job:
        self._next += 1
        return Job(self._next, payload.encode() if isinstance(payload, str) else payload, soft, hard)

    def begin(self, *payloads: str | Job, depth: int = 0) -> list[int]:
        """Submit, and wait until all are accepted; their ids."""
        jobs = [payload if isinstance(payload, Job) else self.job(payload) for payload in payloads]
        rest: Sequence[Job] = jobs

        def accepted() -> bool:
            nonlocal rest
            rest = rest[self.pool.submit(rest, depth) :]
            return not rest

        self.until(accepted)
        return [job.id for job in jobs]

    def run(self, *payloads: str | Job, depth: int = 0) -> list[End]:
        """Submit, and wait for all ends, in the order of submission."""
        jobs = self.begin(*payloads, depth=depth)
        return [self.end(job) for job in jobs]

    def answer(self, payload: str | bytes, soft: float | None = None) -> bytes:
        (end,) = self.run(self.job(payload, soft))
        assert isinstance(end, Finished), end
        return end.payload

    def until_started(self, *jobs: int) -> None:
        self.until(lambda: set(jobs) <= {event.job for event in self.of(Started)})

    def end(self, job: int) -> End:
        self.until(lambda: self.ends(job))
        (end,) = self.ends(job)
        return end

    def ends(self, job: int) -> list[End]:
        return [event for event in self.events if isinstance(event, End) and event.job == job]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def failures(self) -> list[ChildFailed]:
        return self.of(ChildFailed)

    @property
    def boots(self) -> list[Booted]:
        return self.of(Booted)


OPTIONS = ChildOptions(boot="tests.support.pool_jobs:boot", boot_argument=b"world")


@contextmanager
def driven(
    kind: str,
    slots: int = 1,
    processes: int | None = None,
    backoff: Backoff = IMPATIENT,
    **options: object,
) -> Iterator[Driver]:
    """A started pool of that kind; `options` override those of OPTIONS. processes: None for as many
    as slots."""
    spread = (processes or slots) if kind in WIDE else None
    pool = ChildPool(BY_NAME[kind], slots, replace(OPTIONS, **options), spread, backoff)  # type: ignore[arg-type]
    pool.start()
    try:
        yield Driver(pool)
    finally:
        pool.stop(5.0)


class Gate:
    """Holds jobs up until the test lets them through, one by one."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._fd = os.open(path, os.O_RDWR)

    def __str__(self) -> str:
        return str(self._path)

    def release(self, jobs: int = 1) -> None:
        os.write(self._fd, b"." * jobs)

    def close(self) -> None:
        os.close(self._fd)
