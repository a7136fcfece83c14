"""Elections: which one of the workers does what only one of them should (PROTOCOL 13.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

MOST = 100
"""Elections at a time; of more, the oldest is forgotten. So is one that is never decided, because somebody
who is there does not take part."""


class Candidate(NamedTuple):
    clock: int
    """Of its event. The lowest one wins, and of several the process that sorts first."""
    process: str
    """Node name and pid."""
    topic: str
    action: Any = None


class Elections:
    """Who is told to hold an election is a candidate in it. Whoever hears of a candidate acknowledges that.
    Each says that it stands before it acknowledges others: so who has been acknowledged by all has heard of
    all that can win, and everybody finds the same winner."""

    def __init__(self, process: str) -> None:
        """process: node name and pid of this worker."""
        self._process = process
        self._to_hold: dict[str, tuple[str, Any]] = {}
        self._candidates: dict[str, dict[str, Candidate]] = {}
        """Election → process → what it would do."""
        self._acknowledged: dict[str, set[str]] = {}
        """Election → nodes."""

    def hold(self, id: str, topic: str, action: Any) -> None:
        """By remote control."""
        self._to_hold[id] = topic, action
        _bound(self._to_hold)

    def is_to_be_held(self) -> bool:
        return bool(self._to_hold)

    def take(self) -> list[tuple[str, str, Any]]:
        """(id, topic, action) of those for which this worker is to say that it stands."""
        to_hold, self._to_hold = self._to_hold, {}
        return [(id, *about) for id, about in to_hold.items()]

    def stands(self, id: str, candidate: Candidate) -> None:
        """Another one, or we."""
        self._candidates.setdefault(id, {}).setdefault(candidate.process, candidate)
        _bound(self._candidates)

    def acknowledged(self, id: str, node: str) -> None:
        """By this node, that somebody stands."""
        self._acknowledged.setdefault(id, set()).add(node)
        _bound(self._acknowledged)

    def winner(self, id: str, others: Collection[str]) -> Candidate | None:
        """Once; None: not all others have been heard yet, or we are no candidate."""
        candidates = self._candidates.get(id, {})
        if self._process not in candidates or not self._acknowledged.get(id, set()).issuperset(others):
            return None
        del self._candidates[id]
        self._acknowledged.pop(id, None)
        return min(candidates.values(), key=lambda each: each[:2])

    def is_us(self, candidate: Candidate) -> bool:
        return candidate.process == self._process


def _bound(elections: dict[str, Any]) -> None:
    while len(elections) > MOST:
        del elections[next(iter(elections))]
