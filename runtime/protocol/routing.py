"""Which queues a task goes to (PROTOCOL 6.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pkgutil import resolve_name
from re import Pattern
from typing import Any

from brokers.queue import Queue
from runtime.settings import Settings

Route = Callable[..., Any] | Mapping[str | Pattern[str], Any] | str


def route(
    conf: Settings,
    name: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] = {},
    options: Mapping[str, Any] = {},
) -> Mapping[str, Any]:
    """What `task_routes` says of this task: options, `queue` among them; empty if nothing. Raises what a
    function among them raises; ImportError for the name of none.

    In each dict a task's own name goes before globs and patterns, and these in the order given. A function is
    called with name, args, kwargs and options, an object's `route_for_task` with the first three; they return
    what a dict would have, or None.
    """
    routes: Sequence[Route] = conf.task_routes
    for table in routes:
        if isinstance(table, Mapping):
            found = table.get(name)
            if found is None:
                found = next((to for known, to in table.items() if _matches(known, name)), None)
        else:
            router = _named(table) if isinstance(table, str) else table
            asked = getattr(router, "route_for_task", None)
            found = router(name, args, kwargs, options) if asked is None else asked(name, args, kwargs)
        if found is not None:
            return {"queue": found} if isinstance(found, str) else found
    return {}


def _matches(known: str | Pattern[str], name: str) -> bool:
    return fnmatchcase(name, known) if isinstance(known, str) else known.match(name) is not None


@cache
def _named(dotted: str) -> Callable[..., Any]:
    """The function of this name; of a class, one of its objects."""
    try:
        found: Callable[..., Any] = resolve_name(dotted)
    except (AttributeError, ValueError) as error:
        raise ImportError(f"task_routes names no function: {dotted!r}: {error}") from None
    return found() if isinstance(found, type) else found


def queues_of(conf: Settings, options: Mapping[str, Any]) -> Sequence[str]:
    """The queues that these send options name. A task is sent to queues directly: exchange and routing key
    mean what `task_queues` binds to them. Empty: only the broker knows who else has bound a queue to these.

    Raises TypeError for what is no name, ValueError for a queue that is not declared, if
    task_create_missing_queues is off.
    """
    queue = options.get("queue")
    queue = getattr(queue, "name", queue)
    exchange, routing_key = address_of(options)
    if not queue and (exchange or routing_key):
        default = conf.task_default_queue
        found = bound(conf.task_queues, exchange or default, routing_key or default)
        if found or (exchange and routing_key and exchange != routing_key):
            return found
    queue = queue or routing_key or exchange or conf.task_default_queue
    if not isinstance(queue, str):
        raise TypeError(f"queue must be a name, not {queue!r:.100}")
    if not conf.task_create_missing_queues:
        check_declared(conf, queue)
    return (queue,)


def address_of(options: Mapping[str, Any]) -> tuple[Any, Any]:
    """Name of the exchange, which may be a kombu object, and routing key; None: not given."""
    exchange = options.get("exchange")
    return getattr(exchange, "name", exchange), options.get("routing_key")


def bound(queues: Iterable[Queue], exchange: str, routing_key: str) -> list[str]:
    """Names of those that get a message to this exchange with this key, each once."""
    return list(dict.fromkeys(queue.name for queue in queues if queue.gets(exchange, routing_key)))


def of_app(conf: Settings) -> tuple[str, ...]:
    """The queues that a worker consumes unless it is told which."""
    return tuple(queue.name for queue in conf.task_queues) or (conf.task_default_queue,)


def declaration(conf: Settings, name: str) -> Queue:
    """The queue of this name, as `task_queues` has it, or as one that nobody has declared."""
    return next((queue for queue in conf.task_queues if queue.name == name), None) or Queue.plain(name)


def check_declared(conf: Settings, queue: str) -> None:
    """Raises ValueError."""
    declared = of_app(conf)
    if queue not in declared:
        raise ValueError(
            f"queue {queue!r} is not one of task_queues, {', '.join(declared)}, and "
            "task_create_missing_queues is off"
        )
