"""A worker runtime for Celery's message protocol, and the client that sends to it."""

from __future__ import annotations

from runtime.app.app import App
from runtime.app.shared import shared_task
from runtime.app.task import Task
from runtime.canvas.signature import Signature
from runtime.errors import Ignore, MaxRetriesExceededError, Reject, Retry, TimeoutError
from runtime.execution.request import Request
from runtime.results.async_result import AsyncResult

__version__ = "0.1.0"

__all__ = [
    "App",
    "AsyncResult",
    "Ignore",
    "MaxRetriesExceededError",
    "Reject",
    "Request",
    "Retry",
    "Signature",
    "Task",
    "TimeoutError",
    "shared_task",
]
