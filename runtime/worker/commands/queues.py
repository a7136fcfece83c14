"""From which queues this worker takes."""

from __future__ import annotations

from typing import Any

from brokers.queue import TYPES, Queue
from runtime.worker.commands.registry import COMMANDS
from runtime.worker.commands.view import WorkerView


@COMMANDS.inspect()
def active_queues(view: WorkerView) -> list[dict[str, Any]]:
    """Queues that are consumed."""
    return [_described(queue) for queue in view.queues()]


@COMMANDS.control(arguments=[("queue", str), ("exchange", str), ("exchange_type", str), ("routing_key", str)])
def add_consumer(
    view: WorkerView,
    queue: str,
    exchange: str | None = None,
    exchange_type: str | None = None,
    routing_key: str | None = None,
) -> dict[str, str]:
    """Consume from one more queue."""
    for name, value in (
        ("queue", queue),
        ("exchange", exchange or queue),
        ("routing_key", routing_key or queue),
    ):
        _check_text(name, value)
    if exchange_type not in (None, *TYPES):
        raise ValueError(f"exchange_type must be 'direct' or 'topic', not {exchange_type!r:.100}")
    view.consume(Queue(queue, exchange or queue, exchange_type or "direct", routing_key or queue))
    return {"ok": f"add consumer {queue}"}


@COMMANDS.control(arguments=[("queue", str)])
def cancel_consumer(view: WorkerView, queue: str) -> dict[str, str]:
    """Do not consume from a queue any more."""
    _check_text("queue", queue)
    view.cancel(queue)
    return {"ok": f"no longer consuming from {queue}"}


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{name} must be a name, not {value!r:.100}")


def _described(queue: Queue) -> dict[str, Any]:
    """As kombu describes a queue."""
    name, exchange, kind, routing_key = queue
    return {
        "name": name,
        "exchange": {
            "name": exchange,
            "type": kind,
            "arguments": None,
            "durable": True,
            "passive": False,
            "auto_delete": False,
            "delivery_mode": None,
            "no_declare": False,
        },
        "routing_key": routing_key,
        "queue_arguments": None,
        "binding_arguments": None,
        "consumer_arguments": None,
        "durable": True,
        "exclusive": False,
        "auto_delete": False,
        "no_ack": False,
        "alias": None,
        "bindings": [],
        "no_declare": None,
        "expires": None,
        "message_ttl": None,
        "max_length": None,
        "max_length_bytes": None,
        "max_priority": None,
    }
