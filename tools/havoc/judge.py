"""Who was run twice and why, and how long it took to go on after a harm: pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tools.havoc.harms import PAST_LEASE, Harm
from tools.havoc.ledger import Execution

SETTLE = 2.0
"""Seconds after its end in which a task is settled while the server answers."""
THAW = 1.0
"""Seconds after the freeze of a supervisor in which a child begins what that was handing over when it was
stopped: between its look at its lease and the hand-over it can be stopped too."""
WATCHED = 10.0
"""Seconds after a break of the connection in which the longest silence of a worker counts as its."""
BREAKS = ("cut connections", "kill server", "freeze server")


class Repeat(NamedTuple):
    """A task that was started again."""

    first: Execution
    again: Execution
    cause: Harm | None
    """What was done to the process that ran it, between its start and its settlement; or to the worker
    that ran it again, while it handed it over."""


def repeats(executions: Iterable[Execution], harms: Sequence[Harm]) -> list[Repeat]:
    runs = defaultdict(list)
    for execution in executions:
        runs[execution.number].append(execution)
    return [
        Repeat(first, again, _cause(first, again, harms))
        for each in runs.values()
        for first, again in pairwise(each)
    ]


def _cause(first: Execution, again: Execution, harms: Sequence[Harm]) -> Harm | None:
    settled = min(_settled(first, harms), again.started)
    for harm in harms:
        if harm.reruns and _hits(harm, first) and harm.at <= settled and harm.until >= first.started:
            return harm
        if harm.name == PAST_LEASE and _hits(harm, again) and harm.at <= again.started <= harm.until + THAW:
            return harm
    return None


def _hits(harm: Harm, execution: Execution) -> bool:
    if harm.pid:
        return harm.pid == execution.pid
    return (harm.worker, harm.life) == (execution.worker, execution.life)


def _settled(execution: Execution, harms: Iterable[Harm]) -> float:
    """When it was settled at the latest. Its settlement waits while the server, or the worker, is away."""
    if execution.ended is None:
        return float("inf")
    latest = execution.ended + SETTLE
    for harm in harms:
        ours = not harm.worker or _hits(harm, execution)
        if ours and harm.at <= latest and harm.until > execution.ended:
            latest = max(latest, harm.until + SETTLE)
    return latest


def recoveries(
    executions: Sequence[Execution], harms: Sequence[Harm], found: Sequence[Repeat]
) -> dict[str, list[float]]:
    """By the name of the harm, in seconds: from the end of a process until what it ran was started
    again; from the end of a break until each worker, after its longest silence, started a task again."""
    seconds = defaultdict(list)
    for repeat in found:
        if repeat.cause is not None:
            seconds[repeat.cause.name].append(repeat.again.started - repeat.cause.at)
    for harm, following in pairwise([*harms, None]):
        if harm is not None and harm.name in BREAKS:
            until = min(harm.until + WATCHED, float("inf") if following is None else following.at)
            seconds[harm.name] += _silences(executions, harm, until)
    return dict(seconds)


def _silences(executions: Sequence[Execution], harm: Harm, until: float) -> list[float]:
    starts = defaultdict(list)
    for execution in executions:
        if harm.until <= execution.started <= until and harm.worker in ("", execution.worker):
            starts[execution.worker].append(execution.started)
    return [
        max(later - earlier for earlier, later in pairwise([harm.until, *each])) for each in starts.values()
    ]
