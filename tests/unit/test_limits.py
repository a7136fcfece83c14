"""The watch over the time limits of running jobs."""

from __future__ import annotations

from math import inf

from pools.interface import Job
from pools.limits import REPEAT, Limits, Overrun


def job(number: int, soft: float | None = None, hard: float | None = None) -> Job:
    return Job(number, b"", soft, hard)


def test_nothing_is_due_when_nothing_is_watched() -> None:
    limits = Limits()
    assert not limits
    assert limits.next_deadline == inf
    assert limits.overruns(1e9) == []


def test_soft_repeats_until_hard_ends_it() -> None:
    limits = Limits()
    limits.watch(job(1, soft=1.0, hard=2.0), 100.0)
    assert limits.next_deadline == 101.0
    assert limits.overruns(100.9) == []
    assert limits.overruns(101.0) == [Overrun(1, 1.0, False)]
    assert limits.next_deadline == 101.0 + REPEAT
    assert limits.overruns(101.0 + REPEAT) == [Overrun(1, 1.0, False)]
    assert limits.overruns(102.0) == [Overrun(1, 2.0, True)]
    assert limits.overruns(103.0) == []
    assert limits.next_deadline == inf


def test_what_ended_is_not_overdue() -> None:
    limits = Limits()
    limits.watch(job(1, hard=1.0), 100.0)
    limits.watch(job(2, hard=5.0), 100.0)
    limits.forget(1)
    limits.forget(3)
    assert limits.overruns(101.0) == []
    assert limits.next_deadline == 105.0


def test_what_is_pursued_is_told_until_it_is_forgotten() -> None:
    limits = Limits()
    limits.watch(job(1, soft=1.0, hard=2.0), 100.0)
    limits.pursue(1, 102.0)
    assert limits.next_deadline <= 102.0
    assert limits.overruns(102.0) == [Overrun(1, 0.0, False)]
    assert limits.overruns(110.0) == [Overrun(1, 0.0, False)]
    limits.forget(1)
    assert limits.overruns(120.0) == []
