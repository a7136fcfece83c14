"""Which children have idle slots, and how many jobs there are where: counted, not searched for."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from pools.child_handle import ChildHandle


class _Count(NamedTuple):
    free: int
    occupied: int
    ahead: int


_NOTHING = _Count(0, 0, 0)


class Vacancies:
    """Call `count` after each change to a child, and `drop` when it is gone."""

    def __init__(self) -> None:
        self.open: dict[ChildHandle, int] = {}
        """Children with idle slots, and how many; the one that has waited longest for a job is first."""
        self.free = 0
        """Idle slots of all children."""
        self.occupied = 0
        """Slots with a job, running or sent."""
        self.ahead = 0
        """Jobs that wait behind those."""
        self._counts: dict[ChildHandle, _Count] = {}
        self._closed: dict[ChildHandle, float] = {}
        """Children that get nothing → until when."""

    def count(self, child: ChildHandle) -> None:
        outstanding = len(child.sent) + len(child.running)
        if outstanding < child.width:
            free = 0 if child in self._closed else child.free(outstanding)
            self._replace(child, _Count(free, outstanding, 0))
        else:
            self._replace(child, _Count(0, child.width, outstanding - child.width))

    def close(self, child: ChildHandle, until: float) -> None:
        """It begins nothing of what it is sent: it gets no more until it says something, or until then
        (time.monotonic() seconds; inf: no sooner)."""
        self._closed[child] = until
        self.count(child)

    def heard(self, child: ChildHandle) -> None:
        """It has said something. Call `count` after it."""
        if self._closed:
            self._closed.pop(child, None)

    def reopen(self, now: float) -> None:
        """Those whose time has come."""
        for child, until in list(self._closed.items()):
            if until <= now:
                del self._closed[child]
                self.count(child)

    def rooms(
        self, jobs: int, depth: int, idle: int, busy: Iterable[ChildHandle]
    ) -> tuple[list[ChildHandle], list[int], list[int]]:
        """Children that may get some of so many jobs, their idle slots, and what each can take in all.

        idle: slots that may be used in all. busy: children that have jobs; up to depth more are queued
        ahead there."""
        children: list[ChildHandle] = []
        free: list[int] = []
        rooms: list[int] = []
        for child, slots in reversed(self.open.items()):  # what ran last is warm
            if not idle:
                break
            children.append(child)
            free.append(min(slots, idle))
            rooms.append(child.room(depth) if slots <= idle else idle)
            idle -= free[-1]
        if depth and jobs > sum(free):
            full = [child for child in busy if child not in self.open and child not in self._closed]
            children += full
            rooms += [child.room(depth) for child in full]
        return children, free, rooms

    def closed(self) -> int:
        """How many children get nothing, of those that stay."""
        return sum(not child.retiring for child in self._closed)

    def next_opening(self) -> float:
        return min(self._closed.values(), default=inf)

    def drop(self, child: ChildHandle) -> None:
        self._closed.pop(child, None)
        self._replace(child, _NOTHING)
        self._counts.pop(child, None)

    def _replace(self, child: ChildHandle, new: _Count) -> None:
        old = self._counts.get(child, _NOTHING)
        if new == old:
            return
        self._counts[child] = new
        self.free += new.free - old.free
        self.occupied += new.occupied - old.occupied
        self.ahead += new.ahead - old.ahead
        if new.free:
            self.open[child] = new.free
        else:
            self.open.pop(child, None)
