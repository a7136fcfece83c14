"""A worker runtime for Celery's message protocol, and the client that sends to it.

Each name is imported when it is first used: the command line needs few of them, and `runtime health`
has 100 ms in all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.shared import shared_task
    from runtime.app.signatures import signature
    from runtime.app.task import Task
    from runtime.beat.crontab import crontab
    from runtime.canvas.compound import chain, chord, group
    from runtime.canvas.mapping import chunks, xmap, xstarmap
    from runtime.canvas.signature import Signature
    from runtime.canvas.stamping import StampingVisitor
    from runtime.errors import Ignore, MaxRetriesExceededError, Reject, Retry, TimeoutError
    from runtime.execution.request import Request
    from runtime.remote.custom import control_command, inspect_command
    from runtime.results.async_result import AsyncResult
    from runtime.results.group_result import GroupResult
    from runtime.results.waiting import allow_join_result

__version__ = "0.1.0"

__all__ = [
    "App",
    "AsyncResult",
    "GroupResult",
    "Ignore",
    "MaxRetriesExceededError",
    "Reject",
    "Request",
    "Retry",
    "Signature",
    "StampingVisitor",
    "Task",
    "TimeoutError",
    "allow_join_result",
    "chain",
    "chord",
    "chunks",
    "control_command",
    "crontab",
    "group",
    "inspect_command",
    "shared_task",
    "signature",
    "xmap",
    "xstarmap",
]

_HOMES = {
    "App": "runtime.app.app",
    "AsyncResult": "runtime.results.async_result",
    "GroupResult": "runtime.results.group_result",
    "Ignore": "runtime.errors",
    "MaxRetriesExceededError": "runtime.errors",
    "Reject": "runtime.errors",
    "Request": "runtime.execution.request",
    "Retry": "runtime.errors",
    "Signature": "runtime.canvas.signature",
    "StampingVisitor": "runtime.canvas.stamping",
    "Task": "runtime.app.task",
    "TimeoutError": "runtime.errors",
    "allow_join_result": "runtime.results.waiting",
    "chain": "runtime.canvas.compound",
    "chord": "runtime.canvas.compound",
    "chunks": "runtime.canvas.mapping",
    "control_command": "runtime.remote.custom",
    "crontab": "runtime.beat.crontab",
    "group": "runtime.canvas.compound",
    "inspect_command": "runtime.remote.custom",
    "shared_task": "runtime.app.shared",
    "signature": "runtime.app.signatures",
    "xmap": "runtime.canvas.mapping",
    "xstarmap": "runtime.canvas.mapping",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
