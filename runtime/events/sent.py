"""`task-sent`: a client tells that it has sent a task."""

from __future__ import annotations

import time

from brokers import envelope
from brokers.interface import Push
from runtime.events import message
from runtime.events.event import Origin

ROUTING_KEY = "task.sent"


def write(origin: Origin, exchange: str, push: Push) -> bytes:
    """The event's message. push: the task message, as sent. Raises EncodeError."""
    enveloped = envelope.parse(push.message)
    headers, info = enveloped.headers, enveloped.properties["delivery_info"]
    fields = {
        "uuid": headers["id"],
        "root_id": headers["root_id"],
        "parent_id": headers["parent_id"],
        "name": headers["task"],
        "args": headers["argsrepr"],
        "kwargs": headers["kwargsrepr"],
        "retries": headers["retries"],
        "eta": headers["eta"],
        "expires": headers["expires"],
        "queue": push.queue,
        "exchange": info["exchange"],
        "routing_key": info["routing_key"],
    }
    return message.write(origin.event("task-sent", time.monotonic(), fields), exchange, ROUTING_KEY)
