"""A message that ends at its intake."""

from __future__ import annotations

from enum import Enum

from brokers.interface import Settlement
from runtime.protocol.task_message import TaskMessage


class Cause(Enum):
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WORN_OUT = "worn out"


class Refused:
    """A delivery that ends at once, and why."""

    __slots__ = ("cause", "reason", "settlement", "task")

    def __init__(
        self, settlement: Settlement, reason: str, cause: Cause, task: TaskMessage | None = None
    ) -> None:
        """`task`: None if it could not be read."""
        self.settlement = settlement
        self.reason = reason
        self.cause = cause
        self.task = task
