"""Which tasks are not to be run: what was revoked, remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from runtime.protocol.task_message import TaskMessage

if TYPE_CHECKING:
    from runtime.worker.statedb import StateDB

MOST = 50_000
"""Ids, and stamps, that are remembered (PROTOCOL 12.4)."""
EXPIRES = 3 * 3600.0
"""Seconds for which they are."""

Pair = tuple[str, str]
"""(stamp's name, its value as text)."""
ID = ""
"""Stands for the name of a stamp: the value is a task's id."""


class Revoked:
    """Owned by the supervisor's loop. Beyond MOST the oldest are forgotten. Times are epoch seconds: they
    may come from an earlier life of this worker."""

    def __init__(self, statedb: StateDB | None = None) -> None:
        """`statedb`: what it knows is known, and what is added is written there."""
        self._statedb = statedb
        self._ids: dict[Pair, float] = {}
        """→ when it is forgotten, the oldest first."""
        self._stamps: dict[Pair, float] = {}
        """The same."""
        for pair, forgotten in (statedb.known() if statedb else {}).items():
            self._kept(pair)[pair] = forgotten

    def __bool__(self) -> bool:
        return bool(self._ids or self._stamps)

    def __contains__(self, task: TaskMessage) -> bool:
        now = time.time()
        if self._ids.get((ID, task.id), 0.0) > now:
            return True
        return bool(self._stamps) and any(self._stamps.get(pair, 0.0) > now for pair in stamps_of(task))

    def add(self, ids: Iterable[str]) -> None:
        self._remember((ID, each) for each in ids)

    def add_stamps(self, headers: Mapping[str, Any]) -> None:
        """`{name: value, or a list of values}`."""
        self._remember(pairs(headers))

    def ids(self) -> list[str]:
        """The oldest first."""
        _forget(self._ids, time.time())
        return [task_id for _, task_id in self._ids]

    def _kept(self, pair: Pair) -> dict[Pair, float]:
        return self._ids if pair[0] == ID else self._stamps

    def _remember(self, new: Iterable[Pair]) -> None:
        now = time.time()
        added = dict.fromkeys(new, now + EXPIRES)
        for pair, forgotten in added.items():
            known = self._kept(pair)
            known.pop(pair, None)  # it goes to the end
            known[pair] = forgotten
        for known in (self._ids, self._stamps):
            _forget(known, now)
        if self._statedb is not None and added:
            self._statedb.remember(added)


def pairs(headers: Mapping[str, Any]) -> set[Pair]:
    """For each value of each stamp."""
    return {
        (name, str(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    }


def stamps_of(task: TaskMessage) -> set[Pair]:
    stamps = task.stamps
    return pairs(stamps) if stamps and isinstance(stamps, dict) else set()


def _forget(known: dict[Pair, float], now: float) -> None:
    while known and (known[oldest := next(iter(known))] <= now or len(known) > MOST):
        del known[oldest]
