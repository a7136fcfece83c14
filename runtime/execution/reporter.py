"""From how a task ended to its report: documents to store, messages to send, parts of chords."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from brokers.interface import ChordPart, ChordSize, Push
from runtime.canvas.reference import End
from runtime.errors import EncodeError, Ignore, Reject, Retry, TaskError
from runtime.execution import chords, errbacks, follow_up, report
from runtime.execution.replacing import Replaced
from runtime.execution.report import Report
from runtime.execution.request import Request
from runtime.protocol.task_message import TaskMessage
from runtime.results import document, states
from runtime.results.document import About
from runtime.results.exceptions import printed

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.sender import Messages
    from runtime.app.task import Task

PRINTED = 1024
"""Characters of a result or an exception in a log line."""
CALLERS = (
    "runtime.execution.run",
    "runtime.execution.loops",
    "runtime.execution.greenlets",
    "pools.interruptible",
)
"""Modules whose frames are between the worker and the user's code."""


class Reporter:
    """For the tasks of one app."""

    def __init__(self, app: App, node: str, *, stores: bool = True) -> None:
        self._app = app
        self._node = node
        self._stores = stores and app.conf.result_backend is not None
        self._largest = app.conf.result_max_bytes

    def succeeded(self, task: Task, request: Request, value: Any) -> Report:
        """Raises EncodeError if the value cannot be stored or handed on, ValueError if a follow-up cannot be
        sent."""
        message = request.message
        documents: list[tuple[str, bytes]] = []
        following: list[Messages] = []
        parts: list[ChordPart] = []
        if request.callbacks or request.chain:
            following = follow_up.after_success(self._app, message, request.callbacks, request.chain, value)
            for push in (push for messages in following for push in messages.pushes):
                self._bounded("message of a follow-up", push.message)
        if request.chord:
            parts = chords.parts(self._app, message, [chords.own_end(request)], states.SUCCESS, value)
        if self._stores and not self._ignores(task, message):
            children = [child.as_tuple() for child in request.children]
            children += [messages.reference for messages in following]
            documents = [(message.id, self._document(states.SUCCESS, value, request, children=children))]
        elif not following and not parts and not request.watched:
            return report.PLAIN_SUCCESS
        text = printed(value)[:PRINTED] if request.watched else ""
        return Report(report.SUCCESS, documents, *_sent(following, parts), text)

    def ended(self, task: Task, request: Request, error: BaseException) -> Report:
        """By an exception."""
        if isinstance(error, Replaced):
            return Report(report.IGNORED, (), *_sent([error.messages], []))
        if isinstance(error, Ignore):
            return Report(report.IGNORED)
        if isinstance(error, Reject):
            return self._rejected(task, request, error)
        if isinstance(error, Retry):
            return self._retried(task, request, error)
        return self.failed(task, request, error)

    def failed(self, task: Task | None, request: Request, error: BaseException) -> Report:
        message = request.message
        trace = trace_of(error)
        sent: list[Messages] = []
        ended = [chords.own_end(request)]
        try:
            sent = errbacks.after_failure(self._app, request, request.errbacks, error, trace)
            ended += follow_up.failing_with(request.chain)
        except Exception as refused:  # noqa: BLE001  (whatever a client has put into its signatures)
            trace = f"{trace}\nIts errbacks could not be sent: {refused!r}"
        documents: list[tuple[str, bytes]] = []
        if self._stores and not self._hides_failure(task, message):
            documents = [(message.id, self._document(states.FAILURE, error, request, trace))]
            documents += [(each.task_id, self._never_run(each, error, trace)) for each in ended[1:]]
        parts = chords.parts(self._app, message, ended, states.FAILURE, error)
        return Report(report.FAILURE, documents, *_sent(sent, parts), printed(error)[:PRINTED], trace)

    def _retried(self, task: Task, request: Request, error: Retry) -> Report:
        documents: list[tuple[str, bytes]] = []
        cause = error.exc if isinstance(error.exc, BaseException) else error
        trace = trace_of(cause)
        if self._stores and not self._ignores(task, request.message):
            documents = [(request.message.id, self._document(states.RETRY, cause, request, trace))]
        pushes = [] if error.push is None else [error.push]
        reason = printed(cause)[:PRINTED]
        return Report(report.RETRY, documents, pushes, (), str(error), trace, cause=reason)

    def _rejected(self, task: Task, request: Request, error: Reject) -> Report:
        documents: list[tuple[str, bytes]] = []
        if self._stores and not error.requeue and not self._hides_failure(task, request.message):
            documents = [(request.message.id, self._document(states.FAILURE, error, request))]
        ended = [] if error.requeue else [chords.own_end(request)]
        parts = chords.parts(self._app, request.message, ended, states.FAILURE, error)
        reason, cause = printed(error.reason), printed(error)[:PRINTED]
        requeue = bool(error.requeue)
        return Report(report.REJECTED, documents, (), parts, reason, trace_of(error), requeue, cause)

    def _document(
        self, state: str, result: Any, request: Request, trace: str | None = None, children: Any = ()
    ) -> bytes:
        """Raises EncodeError."""
        conf = self._app.conf
        encoded = document.encode(
            state,
            result,
            message=request.message,
            traceback=trace,
            children=children,
            extended=self._extended(request) if conf.result_extended else None,
            serializer=conf.result_serializer,
        )
        return self._bounded("result document", encoded)

    def _never_run(self, end: End, error: BaseException, trace: str) -> bytes:
        return document.encode(
            states.FAILURE,
            error,
            message=About(end.task_id, end.group_id),
            traceback=trace,
            serializer=self._app.conf.result_serializer,
        )

    def _bounded(self, what: str, data: bytes) -> bytes:
        """The same. One that the server does not take would break the connection, and be sent again for
        ever. Raises EncodeError."""
        if len(data) > self._largest:
            raise EncodeError(f"the {what} has {len(data)} bytes; result_max_bytes allows {self._largest}")
        return data

    def _extended(self, request: Request) -> dict[str, Any]:
        """What `result_extended` adds (PROTOCOL 10.1)."""
        message = request.message
        return {
            "name": message.name,
            "args": request.args,
            "kwargs": request.kwargs,
            "worker": self._node,
            "retries": message.retries,
            "queue": message.delivery_info.get("routing_key"),
        }

    @staticmethod
    def _ignores(task: Task, message: TaskMessage) -> bool:
        chosen = message.ignore_result
        return bool(task.ignore_result if chosen is None else chosen)

    def _hides_failure(self, task: Task | None, message: TaskMessage) -> bool:
        if task is None:
            return bool(message.ignore_result)
        return self._ignores(task, message) and not task.store_errors_even_if_ignored


def last_resort(message: TaskMessage, kind: str, serializer: str) -> Report:
    """What failed cannot be told any better than by its name; the task has failed all the same."""
    error = TaskError(f"{kind}, while the task's end was reported")
    failed = document.encode(states.FAILURE, error, message=message, serializer=serializer)
    return Report(report.FAILURE, [(message.id, failed)], text=str(error))


def trace_of(error: BaseException) -> str:
    """Its traceback, beginning where the user's code does. An exception whose text is its own printed form
    with its name, as that of the soft limit, is named once."""
    text = "".join(traceback.format_exception(type(error), error, _inside(error.__traceback__)))
    shown = printed(error)
    twice = f": {shown}\n"
    named = shown.startswith(type(error).__name__)
    return f"{text.removesuffix(twice)}\n" if named and text.endswith(twice) else text


def _sent(
    following: list[Messages], parts: list[ChordPart]
) -> tuple[Sequence[Push], Sequence[ChordPart | ChordSize]]:
    if not (following or parts):
        return (), ()
    pushes = [push for messages in following for push in messages.pushes]
    return pushes, [*parts, *(begun for messages in following for begun in messages.chords)]


def _inside(trace: TracebackType | None) -> TracebackType | None:
    """What comes after the last of these modules' frames."""
    inside = trace
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") in CALLERS:
            inside = trace.tb_next
        trace = trace.tb_next
    return inside
