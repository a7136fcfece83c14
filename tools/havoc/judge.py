"""Who was run twice and why, and how long it took to go on after a harm: pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tools.havoc.fleet import Span
from tools.havoc.harms import BREAKS, PAST_LEASE
from tools.havoc.ledger import Execution
from tools.havoc.scene import Harm

SETTLE = 2.0
"""Seconds after its end in which a task is settled while the server answers."""
THAW = 1.0
"""Seconds after the freeze of a supervisor in which a child begins what that was handing over when it was
stopped: between its look at its lease and the hand-over it can be stopped too."""
WATCHED = 10.0
"""Seconds after a break of the connection in which the longest silence of a worker counts as its."""


Lives = Mapping[str, Sequence[Span]]
"""Worker → its lives."""


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
    for harm in reversed(harms):  # the last one is what ended it
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


def fallen(lives: Lives) -> list[str]:
    """Workers that ended though nothing was done to them that ends one, and in which life."""
    return [
        f"{name} in life {number}"
        for name, spans in lives.items()
        for number, span in enumerate(spans, 1)
        if span.ended < float("inf") and not span.doomed
    ]


def recoveries(
    executions: Sequence[Execution],
    harms: Sequence[Harm],
    found: Sequence[Repeat],
    lives: Lives,
    load_ended: float,
) -> dict[str, list[float]]:
    """By the name of the harm, in seconds: from the end of a process until what it ran was started again (by
    the next worker of the same name: from the start of that one; if the server was away meanwhile: from its
    return); from the end of a break until each worker, after its longest silence, started a task again."""
    seconds = defaultdict(list)
    for repeat in found:
        if repeat.cause is not None and repeat.cause.struck:
            since = _recoverable(repeat, repeat.cause, harms, lives)
            seconds[_who_recovered(repeat, repeat.cause)].append(repeat.again.started - since)
    for harm, following in pairwise([*harms, None]):
        if harm is not None and harm.name in BREAKS:
            until = min(harm.until + WATCHED, load_ended if following is None else following.at)
            seconds[harm.name] += _silences(executions, harm, until, lives)
    return dict(seconds)


def _is_succession(repeat: Repeat, cause: Harm) -> bool:
    """The worker ended, and the next one of its name ran the task again."""
    return not cause.pid and repeat.again.worker == cause.worker and repeat.again.life > cause.life


def _who_recovered(repeat: Repeat, cause: Harm) -> str:
    again = (repeat.again.worker, repeat.again.life)
    if cause.pid or again == (cause.worker, cause.life):
        return cause.name
    return f"{cause.name}: {'its successor' if _is_succession(repeat, cause) else 'another worker'}"


def _recoverable(repeat: Repeat, cause: Harm, harms: Iterable[Harm], lives: Lives) -> float:
    """Since when it could have been started again."""
    again = repeat.again
    began = lives[again.worker][again.life - 1].began
    since = began if _is_succession(repeat, cause) else cause.struck
    returns = (harm.until for harm in harms if not harm.worker and harm.until <= again.started)
    return max([since, *returns])


def _silences(executions: Sequence[Execution], harm: Harm, until: float, lives: Lives) -> list[float]:
    """The longest one of each worker that was there before and after; also one that has not ended by then."""
    starts: dict[tuple[str, int], list[float]] = {
        (name, number): []
        for name, spans in lives.items()
        for number, span in enumerate(spans, 1)
        if harm.worker in ("", name) and span.began < harm.at and span.ended >= until
    }
    for execution in executions:
        life = (execution.worker, execution.life)
        if life in starts and harm.until <= execution.started <= until:
            starts[life].append(execution.started)
    return [
        max(later - earlier for earlier, later in pairwise([harm.until, *each, until]))
        for each in starts.values()
    ]
