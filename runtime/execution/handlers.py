"""Calls what a task's class says about its runs: `before_start`, `on_success`, `on_failure`, `on_retry`,
`after_return`. Nothing is called, nor prepared, where a class defines none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from runtime.execution import report
from runtime.execution.announce import exception_info

if TYPE_CHECKING:
    from runtime.app.task import Task
    from runtime.execution.request import Request

logger = logging.getLogger("runtime.worker")


def begin(task: Task, request: Request) -> None:
    """Raises what `before_start` raises: then the task has failed."""
    if "before_start" in task.handlers:
        task.before_start(request.id, request.args, request.kwargs)


def end(task: Task, request: Request, state: str, outcome: Any) -> None:
    """outcome: what the task returned, or raised. What a handler raises is logged: the task has ended."""
    if not task.handlers:
        return
    about = (request.id, request.args, request.kwargs)
    if state == report.SUCCESS:
        _call(task, "on_success", outcome, *about)
        _call(task, "after_return", state, outcome, *about, None)
    elif state == report.FAILURE:
        einfo = exception_info(outcome)
        _call(task, "on_failure", outcome, *about, einfo)
        _call(task, "after_return", state, outcome, *about, einfo)
    elif state == report.RETRY:
        cause = outcome if outcome.exc is None else outcome.exc
        _call(task, "on_retry", cause, *about, exception_info(cause))


def _call(task: Task, name: str, *arguments: Any) -> None:
    if name in task.handlers:
        try:
            getattr(task, name)(*arguments)
        except Exception:
            logger.exception("Task %s[%s]: %s failed", task.name, task.request.id, name)
