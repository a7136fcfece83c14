"""Which children must be made and which may go: a decision over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Standing(NamedTuple):
    """One child that has not been told to go."""

    number: int
    ready: bool
    stale: bool
    """It is to be replaced: used up, too large, or of old code."""
    busy: bool


class Change(NamedTuple):
    missing: int
    """Children to be made."""
    surplus: list[int]
    """Numbers of those that take no further job, and go when they are idle."""


def change(children: Sequence[Standing], slots: int) -> Change:
    """A stale child is missing one from the start, but only goes when its replacement is ready.
    Stale ones go first, idle ones before busy ones."""
    missing = max(0, slots - sum(not child.stale for child in children))
    ready = [child for child in children if child.ready]
    ready.sort(key=lambda child: (not child.stale, child.busy))
    return Change(missing, [child.number for child in ready[: max(0, len(ready) - slots)]])
