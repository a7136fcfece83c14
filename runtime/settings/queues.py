"""What `task_queues` declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brokers.queue import TYPES, Queue


def read(value: Any) -> tuple[Queue, ...]:
    """From names, objects such as kombu's, or dicts of a queue's options by its name. Raises ValueError."""
    if isinstance(value, Mapping):
        return tuple(_queue(name, **_known(options)) for name, options in value.items())
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise ValueError
    return tuple(_queue(each) if isinstance(each, str) else _of_object(each) for each in value)


def _known(options: Any) -> dict[str, Any]:
    if options is not None and not isinstance(options, Mapping):
        raise ValueError
    names = ("exchange", "exchange_type", "routing_key")
    found = {name: options[name] for name in names if name in options} if options else {}
    if options and "binding_key" in options:
        found.setdefault("routing_key", options["binding_key"])
    return found


def _of_object(queue: Any) -> Queue:
    if isinstance(queue, Queue):
        return queue
    exchange = getattr(queue, "exchange", None)
    return _queue(
        getattr(queue, "name", None),
        getattr(exchange, "name", exchange),
        getattr(exchange, "type", None),
        getattr(queue, "routing_key", None),
    )


def _queue(
    name: Any, exchange: Any = None, exchange_type: str | None = None, routing_key: str | None = None
) -> Queue:
    """What is not given is the queue's own name, as for a queue that nobody has declared."""
    if not isinstance(name, str) or not name or (exchange_type or "direct") not in TYPES:
        raise ValueError
    return Queue(name, exchange or name, exchange_type or "direct", routing_key or name)
