"""The message that has a child store how a task ended, where only children can reach the result store.

It is the task's own message again, to another name. Who does not know that name stores a failure under the
task's id, which is not far from the truth.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from brokers import envelope
from runtime.protocol.task_message import TaskMessage

TASK = "celery.runtime_ended"
HEADER = "runtime_ended"


class Ended(NamedTuple):
    task: str
    """The name of the task that ended."""
    state: str
    error: dict[str, Any]
    """As in a result document (PROTOCOL 10.2)."""


def build(message: bytes, task: TaskMessage, state: str, error: dict[str, Any]) -> bytes:
    """message: the envelope with this task. What is made of it is not due later, expires never, has no
    limits, and has killed nobody yet: it is not to end for what the task did."""
    # Not orjson: it would change NaN, and integers above 64 bits.
    fields = json.loads(envelope.uncounted(message))
    fields["headers"] |= {
        "task": TASK,
        "id": task.id,
        "eta": None,
        "expires": None,
        "timelimit": [None, None],
        HEADER: list(Ended(task.name, state, error)),
    }
    return json.dumps(fields).encode()


def read(headers: dict[str, Any]) -> Ended | None:
    """None: it is no such message."""
    return Ended(*headers[HEADER]) if headers.get("task") == TASK and HEADER in headers else None
