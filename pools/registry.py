"""Pools by the name of their kind: ours, and those that other distributions bring.

A distribution brings one by an entry point of the group `worker_runtime.pools`; its name is the kind's,
and its object a Factory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pools import kinds
from pools.interface import ChildOptions, Pool

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "worker_runtime.pools"
"""Of entry points."""

Factory = Callable[[int, int | None, ChildOptions], Pool]
"""`factory(slots, processes, options)` makes a pool that is not started (`pools.interface.Pool`).
slots: how many jobs it runs at once, in all. processes: how many children these are spread over, None
for its own choice. Raises ValueError, with one line for the user, for what it cannot do."""

KINDS = (*kinds.BY_NAME, "solo")
"""Ours."""
ALIASES = {"processes": "prefork"}
"""Celery's other names."""
REFUSED = {"eventlet": "nobody develops eventlet any more: use gevent"}
NEEDED = {"gevent": "gevent"}
"""Kind → what it needs that may not be installed: a module, and the distribution of that name."""


def resolve(name: str) -> str:
    """The kind of that name, ready to be opened. Raises ValueError, with one line, if there is none or
    something that it needs is missing."""
    from importlib.util import find_spec

    kind = ALIASES.get(name, name)
    if kind in REFUSED:
        raise ValueError(f"pool {name!r}: {REFUSED[kind]}")
    if kind in NEEDED and find_spec(NEEDED[kind]) is None:
        raise ValueError(f"pool {kind!r} needs {NEEDED[kind]}: pip install {NEEDED[kind]}")
    if kind not in KINDS and kind not in _entry_points():
        raise ValueError(f"pool {name!r} is {_none_of([*KINDS, *sorted(_entry_points())], name)}")
    return kind


def open_pool(kind: str, slots: int, options: ChildOptions, processes: int | None = None) -> Pool:
    """A pool of that kind, not started. slots, processes: as for a Factory. Raises ValueError, also as
    `resolve` does."""
    kind = resolve(kind)
    if kind in kinds.BY_NAME:
        from pools.pool import ChildPool

        return ChildPool(kinds.BY_NAME[kind], slots, options, processes)
    if kind == "solo":
        from pools.solo import SoloPool

        return SoloPool(slots, options, processes)
    return _load(_entry_points()[kind])(slots, processes, options)


def _entry_points() -> dict[str, EntryPoint]:
    """By name. Not asked for our own kinds: the import takes 20 ms."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> Factory:
    brought_by = f"pool {point.name!r}" + (f" of {point.dist.name}" if point.dist else "")
    try:
        factory = point.load()
    except Exception as error:
        raise ValueError(f"{brought_by} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(factory):
        raise ValueError(f"{brought_by} cannot be loaded: {point.value} cannot be called")
    return factory  # type: ignore[no-any-return]


def _none_of(known: list[str], name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"none of {', '.join(known)}{hint}"
