"""Pools by kind."""

from __future__ import annotations

from pools import kinds
from pools.interface import ChildOptions, Pool

KINDS = tuple(kinds.BY_NAME)


def open_pool(kind: str, slots: int, options: ChildOptions, processes: int | None = None) -> Pool:
    """A pool of that kind, not started. Raises ValueError for an unknown kind, and where slots and
    processes do not fit it (see `pools.pool.ChildPool`)."""
    if kind not in kinds.BY_NAME:
        raise ValueError(f"pool is {kind!r}; it must be one of: {', '.join(KINDS)}")
    from pools.pool import ChildPool

    return ChildPool(kinds.BY_NAME[kind], slots, options, processes)
