"""Which queue a task goes to (PROTOCOL 6.2)."""

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
    """The queue that these send options name. A task is sent to a queue directly: exchange and routing key
    mean what `task_queues` binds to them, else the queue of that name.

    Raises ValueError for one that is not declared, if task_create_missing_queues is off, and where more
    than one queue would get the message.
    """
    routing_key, exchange = options.get("routing_key"), options.get("exchange")
    found = options.get("queue") or _bound(conf, exchange, routing_key) or routing_key or exchange
    queue: str = found or conf.task_default_queue
    if not conf.task_create_missing_queues:
        check_declared(conf, queue)
    return queue


def check_declared(conf: Settings, queue: str) -> None:
    """Raises ValueError."""
    declared = [each.name for each in conf.task_queues] or [conf.task_default_queue]
    if queue not in declared:
        raise ValueError(
            f"queue {queue!r} is not one of task_queues, {', '.join(declared)}, and "
            "task_create_missing_queues is off"
        )


def _bound(conf: Settings, exchange: str | None, routing_key: str | None) -> str | None:
    if not conf.task_queues or not (exchange or routing_key):
        return None
    exchange, routing_key = exchange or conf.task_default_queue, routing_key or conf.task_default_queue
    names = [queue.name for queue in conf.task_queues if queue.gets(exchange, routing_key)]
    if len(names) > 1:
        raise ValueError(
            f"exchange {exchange!r} with routing key {routing_key!r} means {len(names)} queues, "
            f"{', '.join(names)}; a task goes to one: name it with queue="
        )
    return names[0] if names else None
