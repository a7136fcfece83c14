"""Tells the hooks how a task's run begins and ends. Nothing is called, nor prepared, where nobody listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime import hooks
from runtime.errors import Retry
from runtime.execution import report

if TYPE_CHECKING:
    from runtime.app.task import Task
    from runtime.execution.request import Request

ENDS = (hooks.task_success, hooks.task_failure, hooks.task_retry, hooks.task_postrun)


def begins(task: Task, request: Request) -> None:
    if hooks.task_prerun.handlers:
        hooks.task_prerun.send(task, **_run(task, request))


def ended(task: Task, request: Request, state: str, outcome: Any) -> None:
    """outcome: what it returned, or raised."""
    success, failure, retry, postrun = ENDS
    if not (success.handlers or failure.handlers or retry.handlers or postrun.handlers):
        return
    if state == report.SUCCESS:
        success.send(task, result=outcome)
    elif failure.handlers and (state == report.FAILURE or (state == report.REJECTED and not outcome.requeue)):
        run = _run(task, request)
        del run["task"]
        failure.send(
            task, exception=outcome, traceback=outcome.__traceback__, einfo=exception_info(outcome), **run
        )
    elif state == report.RETRY and retry.handlers:
        assert isinstance(outcome, Retry)
        retry.send(task, request=request, reason=outcome, einfo=exception_info(outcome))
    postrun.send(task, retval=outcome, state=state, **_run(task, request))


def internal_error(name: str, task_id: str, error: BaseException) -> None:
    """Its end cannot be told."""
    if hooks.task_internal_error.handlers:
        hooks.task_internal_error.send(
            name,
            task_id=task_id,
            exception=error,
            traceback=error.__traceback__,
            einfo=exception_info(error),
            args=None,
            kwargs=None,
            request=None,
        )


def exception_info(error: BaseException) -> Any:
    """As Celery's handlers know it."""
    from billiard.einfo import ExceptionInfo

    return ExceptionInfo((type(error), error, error.__traceback__))


def _run(task: Task, request: Request) -> dict[str, Any]:
    return {"task_id": request.id, "task": task, "args": request.args, "kwargs": request.kwargs}
