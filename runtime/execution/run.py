"""One task's run, from the bytes of its message to the bytes of its report."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Coroutine
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from brokers import envelope
from brokers.envelope import MalformedMessage
from runtime.errors import ContentDisallowed, Ignore, NotRegistered, Reject, Retry, TaskError
from runtime.execution import current, follow_up, report
from runtime.execution.report import Report
from runtime.execution.request import Request
from runtime.protocol import task_message
from runtime.protocol.serializers import accepted_types
from runtime.protocol.task_message import TaskMessage
from runtime.results import document, states
from runtime.results.document import About
from runtime.results.exceptions import printed

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.task import Task

T = TypeVar("T")

logger = logging.getLogger("runtime.worker")

PRINTED = 1024
"""Characters of a result or an exception in a log line."""
CALLERS = (__name__, "runtime.execution.loops", "runtime.execution.greenlets", "pools.interruptible")
"""Modules whose frames are between the worker and the user's code."""


class Runner:
    """Runs the tasks of one app."""

    def __init__(self, app: App, node: str, tells_all: bool) -> None:
        self._app = app
        self._node = node
        self._tells_all = tells_all
        """Whether what a successful task returned is read in any case."""
        self._accept = accepted_types(app.conf.accept_content)
        self._stores = app.conf.result_backend is not None
        if any(task.is_async for task in app.tasks.values()):
            import runtime.execution.loops  # noqa: F401  (before children are forked: they share it)

    def __call__(self, payload: memoryview) -> bytes:
        """The report on the task in this message. Raises nothing, whatever the task does.

        An `async def` task is run to its end in an event loop of this thread.
        """
        try:
            read = self._read(payload)
            return report.encode(read if isinstance(read, Report) else self._run(read[0], read[1]))
        except BaseException as error:  # noqa: BLE001  (the soft limit outside the task; exceptions that cannot be shown)
            return report.encode(_last_resort(payload, type(error).__name__))

    async def coroutine(self, payload: bytes) -> bytes:
        """The same for a child that has an event loop: an `async def` task is awaited in it, any other
        runs in a thread of its default executor."""
        import asyncio  # 40 ms, and most children have no use for it

        try:
            read = self._read(payload)
            if isinstance(read, Report):
                return report.encode(read)
            run = self._await(*read) if read[0].is_async else asyncio.to_thread(self._run, *read)
            return report.encode(await run)
        except BaseException as error:  # noqa: BLE001  (as above)
            return report.encode(_last_resort(payload, type(error).__name__))

    def _read(self, payload: bytes | memoryview) -> tuple[Task, Request] | Report:
        """What is to be run, or the report if that cannot be."""
        enveloped = envelope.parse(payload)
        message = task_message.read(enveloped)
        try:
            args, kwargs, embed = task_message.read_body(enveloped, self._accept)
        except (MalformedMessage, ContentDisallowed) as error:
            return Report(report.MALFORMED, text=str(error), traceback=_trace(error))
        request = Request.from_message(message, args, kwargs, embed, hostname=self._node)
        request.watched = self._tells_all or payload[0] == report.TELL[0]
        task = self._app.tasks.get(message.name)
        if task is None:
            return self._failed(None, request, NotRegistered(message.name))
        if request.chord:
            logger.warning(
                "Task %s[%s] is part of a chord, whose body is not sent: not supported yet",
                task.name,
                message.id,
            )
        return task, request

    def _run(self, task: Task, request: Request) -> Report:
        token = current.push(task, request)
        try:
            if task.track_started:
                self._tell_start(task)
            value = task.run(*request.args, **request.kwargs)
            if type(value) is CoroutineType:
                value = _finish(value)
            return self._succeeded(task, request, value)
        except BaseException as error:  # noqa: BLE001  (user code; SystemExit ends the task only)
            return self._ended(task, request, error)
        finally:
            current.pop(token)

    async def _await(self, task: Task, request: Request) -> Report:
        token = current.push(task, request)
        try:
            if task.track_started:
                import asyncio

                await asyncio.to_thread(self._tell_start, task)
            return self._succeeded(task, request, await task.run(*request.args, **request.kwargs))
        except BaseException as error:  # noqa: BLE001  (as in _run)
            return self._ended(task, request, error)
        finally:
            current.pop(token)

    def _tell_start(self, task: Task) -> None:
        task.update_state(state=states.STARTED, meta={"pid": os.getpid(), "hostname": self._node})

    def _ended(self, task: Task, request: Request, error: BaseException) -> Report:
        """By an exception."""
        if isinstance(error, Ignore):
            return Report(report.IGNORED)
        if isinstance(error, Reject):
            return self._rejected(task, request, error)
        if isinstance(error, Retry):
            return self._retried(task, request, error)
        return self._failed(task, request, error)

    def _succeeded(self, task: Task, request: Request, value: Any) -> Report:
        """Raises EncodeError if the value cannot be stored, ValueError if a follow-up cannot be sent."""
        message = request.message
        documents: list[tuple[str, bytes]] = []
        following = []
        if request.callbacks or request.chain:
            following = follow_up.after_success(self._app, message, request.callbacks, request.chain, value)
        if self._stores and not self._ignores(task, message):
            children = [child.as_tuple() for child in request.children]
            children += [[[sent.task_id, None], None] for sent in following]
            documents = [(message.id, self._document(states.SUCCESS, value, request, children=children))]
        elif not following and not request.watched:
            return report.PLAIN_SUCCESS
        text = printed(value)[:PRINTED] if request.watched else ""
        return Report(report.SUCCESS, documents, [sent.push for sent in following], text)

    def _failed(self, task: Task | None, request: Request, error: BaseException) -> Report:
        message = request.message
        trace = _trace(error)
        try:
            sent = follow_up.after_failure(self._app, message, request.errbacks)
            failing = follow_up.failing_with(request.chain)
        except Exception as refused:  # noqa: BLE001  (whatever a client has put into its signatures)
            sent, failing = [], []
            trace = f"{trace}\nIts errbacks could not be sent: {refused!r}"
        documents: list[tuple[str, bytes]] = []
        if self._stores and not self._hides_failure(task, message):
            documents = [(message.id, self._document(states.FAILURE, error, request, trace))]
            documents += [
                (task_id, document.encode(states.FAILURE, error, message=About(task_id), traceback=trace))
                for task_id in failing
            ]
        pushes = [following.push for following in sent]
        return Report(report.FAILURE, documents, pushes, printed(error)[:PRINTED], trace)

    def _retried(self, task: Task, request: Request, error: Retry) -> Report:
        documents: list[tuple[str, bytes]] = []
        cause = error.exc if isinstance(error.exc, BaseException) else error
        if self._stores and not self._ignores(task, request.message):
            documents = [(request.message.id, self._document(states.RETRY, cause, request, _trace(cause)))]
        pushes = [] if error.push is None else [error.push]
        reason = printed(cause)[:PRINTED]
        return Report(report.RETRY, documents, pushes, str(error), _trace(cause), cause=reason)

    def _rejected(self, task: Task, request: Request, error: Reject) -> Report:
        documents: list[tuple[str, bytes]] = []
        if self._stores and not error.requeue and not self._hides_failure(task, request.message):
            documents = [(request.message.id, self._document(states.FAILURE, error, request))]
        return Report(report.REJECTED, documents, text=printed(error.reason), requeue=bool(error.requeue))

    def _document(
        self, state: str, result: Any, request: Request, trace: str | None = None, children: Any = ()
    ) -> bytes:
        conf = self._app.conf
        return document.encode(
            state,
            result,
            message=request.message,
            traceback=trace,
            children=children,
            extended=self._extended(request) if conf.result_extended else None,
            serializer=conf.result_serializer,
        )

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


def _last_resort(payload: bytes | memoryview, kind: str) -> Report:
    """What failed cannot be told any better than by its name; the task has failed all the same."""
    message = task_message.read(envelope.parse(payload))
    error = TaskError(f"{kind}, while the task's end was reported")
    failed = document.encode(states.FAILURE, error, message=message)
    return Report(report.FAILURE, [(message.id, failed)], text=str(error))


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    from runtime.execution import loops

    return loops.run(coroutine)


def _trace(error: BaseException) -> str:
    """Its traceback, beginning where the user's code does."""
    return "".join(traceback.format_exception(type(error), error, _inside(error.__traceback__)))


def _inside(trace: TracebackType | None) -> TracebackType | None:
    """What comes after the last frame of this file, and of those that run coroutines for it."""
    inside = trace
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") in CALLERS:
            inside = trace.tb_next
        trace = trace.tb_next
    return inside
