"""Which queue a task goes to (PROTOCOL 6.2, queues only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from runtime.settings import Settings


def route(conf: Settings, name: str) -> Mapping[str, Any]:
    """What `task_routes` says of this task: options, `queue` among them; empty if nothing.

    In each dict a task's own name goes before globs, and these in the order given.
    """
    routes: Sequence[Mapping[str, Any]] = conf.task_routes
    for table in routes:
        found = table.get(name)
        if found is None:
            found = next((to for glob, to in table.items() if fnmatchcase(name, glob)), None)
        if found is not None:
            return {"queue": found} if isinstance(found, str) else found
    return {}


def queue_of(conf: Settings, options: Mapping[str, Any]) -> str:
    """The queue that these send options name: a task is sent to a queue directly, so that a routing
    key, or the name of a queue's own exchange, means the queue of that name."""
    found = options.get("queue") or options.get("routing_key") or options.get("exchange")
    queue: str = found or conf.task_default_queue
    return queue
