"""The task that runs in this thread.

The running tasks are a linked stack in a context variable, so that each thread, greenlet and
coroutine has its own.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runtime.app.task import Task
    from runtime.execution.request import Request


class Frame(NamedTuple):
    task: Task
    request: Request
    outer: Frame | None
    """What runs (or is called) around it."""


_frame: ContextVar[Frame | None] = ContextVar("runtime_frame", default=None)


def push(task: Task, request: Request) -> Token[Frame | None]:
    """The task runs from now on in this thread. Pass what is returned to `pop`."""
    return _frame.set(Frame(task, request, _frame.get()))


def pop(token: Token[Frame | None]) -> None:
    _frame.reset(token)


def task() -> Task | None:
    """The innermost task that runs in this thread."""
    frame = _frame.get()
    return None if frame is None else frame.task


def request() -> Request | None:
    """Its request."""
    frame = _frame.get()
    return None if frame is None else frame.request


def worker_request() -> Request | None:
    """The request that a worker executes in this thread, past any task called like a function."""
    frame = _frame.get()
    while frame is not None and frame.request.called_directly:
        frame = frame.outer
    return None if frame is None else frame.request


def request_of(task: Task) -> Request | None:
    """The innermost request of this very task."""
    frame = _frame.get()
    while frame is not None and frame.task is not task:
        frame = frame.outer
    return None if frame is None else frame.request
