"""Which tasks are not to be run: what was revoked, remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runtime.protocol.task_message import TaskMessage

MOST = 50_000
"""Ids, and stamps, that are remembered (PROTOCOL 12.4)."""
EXPIRES = 3 * 3600.0
"""Seconds for which they are."""


class Revoked:
    """Owned by the supervisor's loop. Beyond MOST the oldest are forgotten."""

    def __init__(self) -> None:
        self._ids: dict[str, float] = {}
        """Id → time.monotonic() at which it is forgotten, the oldest first."""
        self._stamps: dict[tuple[str, str], float] = {}
        """The same of (stamp's name, its value as text)."""

    def __bool__(self) -> bool:
        return bool(self._ids or self._stamps)

    def __contains__(self, task: TaskMessage) -> bool:
        now = time.monotonic()
        if self._ids.get(task.id, 0.0) > now:
            return True
        return bool(self._stamps) and any(self._stamps.get(pair, 0.0) > now for pair in stamps_of(task))

    def add(self, ids: Iterable[str]) -> None:
        _remember(self._ids, ids)

    def add_stamps(self, headers: Mapping[str, Any]) -> None:
        """`{name: value, or a list of values}`."""
        _remember(self._stamps, pairs(headers))

    def ids(self) -> list[str]:
        """The oldest first."""
        _forget(self._ids, time.monotonic())
        return list(self._ids)


def pairs(headers: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(name, value as text) for each value of each stamp."""
    return {
        (name, str(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    }


def stamps_of(task: TaskMessage) -> set[tuple[str, str]]:
    stamps = task.stamps
    return pairs(stamps) if stamps and isinstance(stamps, dict) else set()


def _remember(known: dict[Any, float], new: Iterable[Any]) -> None:
    now = time.monotonic()
    for each in new:
        known.pop(each, None)  # it goes to the end
        known[each] = now + EXPIRES
    _forget(known, now)


def _forget(known: dict[Any, float], now: float) -> None:
    over: Sequence[Any] = list(known)[: max(0, len(known) - MOST)]
    for each in over:
        del known[each]
    while known and (oldest := next(iter(known))) is not None and known[oldest] <= now:
        del known[oldest]
