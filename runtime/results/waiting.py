"""Who may wait for a result. Not a task, as in Celery: it holds its slot meanwhile, and what it waits for may
need that slot, or one that another waiting task holds; then both hang for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

WOULD_BLOCK = (
    "never wait for a result in a task: it holds its slot meanwhile, for good if the other task needs it. "
    "Make the two a chain or a chord, in an `async def` task await the result, or if you are sure "
    "that there are slots enough: get(disable_sync_subtasks=False), or allow_join_result()"
)

_allowed: ContextVar[bool | None] = ContextVar("runtime_waiting_allowed", default=None)
"""None: as the process has it."""


class _Process:
    runs_tasks = False


def runs_tasks() -> None:
    """From now on this process, and each that it forks, is there for tasks."""
    _Process.runs_tasks = True


def check() -> None:
    """Raises RuntimeError, as Celery does, where nobody may wait."""
    allowed = _allowed.get()
    if not allowed and (allowed is False or _Process.runs_tasks):
        raise RuntimeError(WOULD_BLOCK)


@contextmanager
def allow_join_result() -> Iterator[None]:
    """What is called meanwhile may wait for results."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


@contextmanager
def denied_join_result() -> Iterator[None]:
    """Nothing that is called meanwhile may."""
    token = _allowed.set(False)
    try:
        yield
    finally:
        _allowed.reset(token)
