"""Asks children for their stacks one after the other: faulthandler writes a line in several pieces, and
those of two children would mix."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from math import inf

from pools.child_handle import ChildHandle

APART = 0.1
"""Seconds between two children; a dump takes a few milliseconds."""


class Dumps:
    """Times are time.monotonic() seconds."""

    def __init__(self) -> None:
        self._children: deque[ChildHandle] = deque()
        self.next_deadline = inf
        """When `go_on` has something to do."""

    def ask(self, children: Iterable[ChildHandle], now: float) -> None:
        """These, after those that are still to come."""
        self._children.extend(children)
        self.next_deadline = min(self.next_deadline, now)

    def go_on(self, alive: Container[ChildHandle], now: float) -> None:
        """Ask the next one that is `alive`, if it is time."""
        if now < self.next_deadline:
            return
        while self._children:
            child = self._children.popleft()
            if child in alive:
                child.dump_stacks()
                break
        self.next_deadline = now + APART if self._children else inf
