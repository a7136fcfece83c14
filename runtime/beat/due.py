"""Decides what is to be sent. Pure; all times are epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from runtime.beat.entries import Entry

RETRY = 5.0
"""Seconds until what could not be sent is tried again."""


class Run(NamedTuple):
    """Of one entry."""

    last: float
    """The time for which it was sent last; of one that has not been, since when it is known."""
    next: float


def due(runs: Mapping[str, Run], now: float) -> tuple[list[str], float]:
    """The names of what is to be sent now, and when the first of the others is."""
    ready = [name for name, run in runs.items() if run.next <= now]
    return ready, min((run.next for run in runs.values() if run.next > now), default=inf)


def counted_from(entry: Entry, last: float) -> Run:
    return Run(last, entry.after(last))


def sent(entry: Entry, run: Run, now: float) -> Run:
    """It keeps to its times, not to when it could be sent; those that were missed are left out."""
    planned = counted_from(entry, entry.after(run.last))
    return planned if planned.next > now else counted_from(entry, now)


def failed(run: Run, now: float) -> Run:
    return Run(run.last, now + RETRY)
