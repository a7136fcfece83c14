"""Pools by kind."""

from __future__ import annotations

from pools.interface import ChildOptions, Pool

KINDS = ("prefork",)


def open_pool(kind: str, slots: int, options: ChildOptions) -> Pool:
    """A pool of that kind, not started. Raises ValueError for an unknown kind."""
    if kind == "prefork":
        from pools.prefork import PreforkPool

        return PreforkPool(slots, options)
    raise ValueError(f"pool is {kind!r}; it must be one of: {', '.join(KINDS)}")
