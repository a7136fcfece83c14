"""What is called when a task has failed (PROTOCOL 5, 17.11): here and now, or by a message."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brokers.interface import Push
from runtime.canvas.signature import Signature, listed_signatures
from runtime.execution import report
from runtime.execution.follow_up import send_together
from runtime.execution.replacing import ACCUMULATE
from runtime.execution.report import Report
from runtime.execution.request import Request
from runtime.protocol.build import build
from runtime.protocol.ids import new_id
from runtime.protocol.task_message import TaskMessage
from runtime.results.exceptions import from_wire, to_wire

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.sender import Messages

logger = logging.getLogger("runtime.worker")

FAILED = "runtime_failed"
"""Header of a message that has a worker do this for a task whose child was killed: name and exception."""
Signatures = Sequence[Mapping[str, Any]] | None


def after_failure(
    app: App, request: Request, errbacks: Signatures, error: BaseException, trace: str | None
) -> list[Messages]:
    """Call in place those that take (request, exception, traceback); what sends the others, with the id of
    the failed task. Raises as App.messages."""
    to_send = []
    for errback in map(Signature.from_dict, listed_signatures(errbacks)):
        if _is_called(app, errback):
            _call(app, errback, request, error, trace)
        else:
            to_send.append(errback)
    return send_together(app, request.message, to_send, request.id)


def _is_called(app: App, errback: Signature) -> bool:
    task = app.tasks.get(errback.task)
    if task is None or task.bind or errback.immutable or task.is_async:
        return False
    return task.most_arguments - len(errback.args) > 1


def _call(app: App, errback: Signature, request: Request, error: BaseException, trace: str | None) -> None:
    args, kwargs = errback.merged((request, error, trace))
    try:
        app.tasks[errback.task](*args, **kwargs)
    except BaseException:  # user code
        logger.exception("Errback %s of task %s raised", errback.task, request.id)


def later(message: TaskMessage, failed: str, errbacks: Signatures, queue: str, error: BaseException) -> Push:
    """Has a child do it: for a supervisor, which runs nobody's code. To a Celery worker it is a task that
    returns the id of the failed one, and to which the errbacks are linked. message: of the failed task, or
    of the one with which it fails."""
    return build(
        ACCUMULATE,
        (failed,),
        {"index": 0},
        id=new_id(),
        queue=queue,
        priority=message.priority,
        root_id=message.root_id,
        parent_id=message.id,
        callbacks=listed_signatures(errbacks),
        ignore_result=True,
        headers={FAILED: {"task": message.name if failed == message.id else "", "error": to_wire(error)}},
    )


def is_later(message: TaskMessage) -> bool:
    return FAILED in message.headers


def now(app: App, request: Request) -> Report:
    """Do what `later` has asked for. Raises as App.messages."""
    failed = request.message.headers[FAILED]
    of = Request.of_never_run(str(request.args[0]), request, failed["task"])
    sent = after_failure(app, of, request.callbacks, from_wire(failed["error"]), None)
    pushes = [push for messages in sent for push in messages.pushes]
    begun = [size for messages in sent for size in messages.chords]
    return Report(report.SUCCESS, (), pushes, begun, f"errbacks of {of.task}[{of.id}]")
