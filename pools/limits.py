"""Time limits of the jobs that run, as the supervisor watches them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from pools.interface import Job

REPEAT = 0.25
"""Seconds between two signals of a soft limit. The child heeds one and ignores the others, but may
have been where the exception must not be raised (see SoftLimit)."""


class Overrun(NamedTuple):
    job: int
    limit: float
    """Seconds."""
    hard: bool


@dataclass(slots=True)
class _Watched:
    job: Job
    soft_at: float
    hard_at: float


class Limits:
    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self.next_deadline = inf
        """time.monotonic(). May be of a job that has ended since: then `overruns` finds nothing and
        puts it right. Keeping it exact would cost a heap operation per job."""

    def __bool__(self) -> bool:
        return bool(self._watched)

    def watch(self, job: Job, started: float) -> None:
        soft_at = inf if job.soft is None else started + job.soft
        hard_at = inf if job.hard is None else started + job.hard
        self._watched[job.id] = _Watched(job, soft_at, hard_at)
        self.next_deadline = min(self.next_deadline, soft_at, hard_at)

    def hasten(self, job: int, now: float) -> None:
        """Its soft limit is now; a hard one stays."""
        watched = self._watched.get(job)
        hard, hard_at = (None, inf) if watched is None else (watched.job.hard, watched.hard_at)
        self._watched[job] = _Watched(Job(job, b"", soft=0.0, hard=hard), now, hard_at)
        self.next_deadline = min(self.next_deadline, now)

    def pursue(self, job: int, now: float) -> None:
        """Its soft limit is now, until it is forgotten; a hard one it has no more."""
        self._watched[job] = _Watched(Job(job, b"", soft=0.0), now, inf)
        self.next_deadline = min(self.next_deadline, now)

    def forget(self, job: int) -> None:
        self._watched.pop(job, None)

    def overruns(self, now: float) -> list[Overrun]:
        """Jobs past a limit; a job past its hard limit is told once, and not watched any more."""
        found: list[Overrun] = []
        for watched in list(self._watched.values()):
            job = watched.job
            if job.hard is not None and now >= watched.hard_at:
                found.append(Overrun(job.id, job.hard, True))
                del self._watched[job.id]
            elif job.soft is not None and now >= watched.soft_at:
                found.append(Overrun(job.id, job.soft, False))
                watched.soft_at = now + REPEAT
        self.next_deadline = min(
            (min(watched.soft_at, watched.hard_at) for watched in self._watched.values()), default=inf
        )
        return found
