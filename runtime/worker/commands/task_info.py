"""What is told of one task in our care (PROTOCOL 12.4, task info)."""

from __future__ import annotations

import time
from typing import Any

import orjson

from brokers import envelope
from brokers.envelope import Envelope, MalformedMessage
from runtime.protocol.task_message import TaskMessage
from runtime.worker.ledger import Reservation

LARGEST = 64 * 1024
"""Bytes of a message from which on its arguments are told in their printed form only."""
MOST = 4_000_000
"""The same for all messages of one answer together."""


class Describer:
    """For one answer: it counts what it has told."""

    def __init__(self, node: str, safe: bool = False) -> None:
        """`safe`: arguments in their printed form."""
        self._node = node
        self._room = 0 if safe else MOST

    def of_reservation(self, reservation: Reservation) -> dict[str, Any]:
        started = reservation.started
        return self._info(
            reservation.task,
            reservation.message,
            time_start=None if started is None else time.time() - (time.monotonic() - started),
            acknowledged=not reservation.tag,
            worker_pid=reservation.pid,
        )

    def of_message(self, task: TaskMessage, message: bytes) -> dict[str, Any]:
        """One that the broker holds."""
        return self._info(task, message, time_start=None, acknowledged=False, worker_pid=None)

    def _info(self, task: TaskMessage, message: bytes, **state: Any) -> dict[str, Any]:
        args, kwargs = self._arguments(task, message)
        info = task.delivery_info
        return {
            "id": task.id,
            "name": task.shadow or task.name,
            "args": args,
            "kwargs": kwargs,
            "type": task.name,
            "hostname": self._node,
            **state,
            "delivery_info": {
                "exchange": info.get("exchange"),
                "routing_key": info.get("routing_key"),
                "priority": task.priority,
                "redelivered": task.redelivered,
            },
        }

    def _arguments(self, task: TaskMessage, message: bytes) -> tuple[Any, Any]:
        """Decoded only if they are JSON: another form may run code, and this is the supervisor. Typed values
        are passed on as they are on the wire."""
        if len(message) <= min(LARGEST, self._room):
            self._room -= len(message)
            decoded = _decoded(envelope.parse(message))
            if decoded is not None:
                return decoded
        return task.argsrepr, task.kwargsrepr


def _decoded(enveloped: Envelope) -> tuple[Any, Any] | None:
    if enveloped.content_type != "application/json":
        return None
    try:
        body = orjson.loads(enveloped.content())
    except (MalformedMessage, orjson.JSONDecodeError):
        return None
    if isinstance(body, dict):  # protocol 1
        return body.get("args"), body.get("kwargs")
    return (body[0], body[1]) if isinstance(body, list) and len(body) > 1 else None
