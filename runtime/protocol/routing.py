"""Which queue a task goes to (PROTOCOL 6.2, queues only)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pkgutil import resolve_name
from typing import Any

from runtime.settings import Settings

Route = Callable[..., Any] | Mapping[str, Any] | str


def route(
    conf: Settings,
    name: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] = {},
    options: Mapping[str, Any] = {},
) -> Mapping[str, Any]:
    """What `task_routes` says of this task: options, `queue` among them; empty if nothing. Raises what a
    function among them raises; ImportError for the name of none.

    In each dict a task's own name goes before globs, and these in the order given. A function is called
    with name, args, kwargs and options, and returns what a dict would have, or None.
    """
    routes: Sequence[Route] = conf.task_routes
    for table in routes:
        if isinstance(table, Mapping):
            found = table.get(name)
            if found is None:
                found = next((to for glob, to in table.items() if fnmatchcase(name, glob)), None)
        else:
            function = _named(table) if isinstance(table, str) else table
            found = function(name, args, kwargs, options)
        if found is not None:
            return {"queue": found} if isinstance(found, str) else found
    return {}


@cache
def _named(dotted: str) -> Callable[..., Any]:
    """The function of this name."""
    try:
        found: Callable[..., Any] = resolve_name(dotted)
    except (AttributeError, ValueError) as error:
        raise ImportError(f"task_routes names no function: {dotted!r}: {error}") from None
    return found


def queue_of(conf: Settings, options: Mapping[str, Any]) -> str:
    """The queue that these send options name: a task is sent to a queue directly, so that a routing
    key, or the name of a queue's own exchange, means the queue of that name."""
    found = options.get("queue") or options.get("routing_key") or options.get("exchange")
    queue: str = found or conf.task_default_queue
    return queue
