"""One task's run, from the bytes of its message to the bytes of its report."""

from __future__ import annotations

import os
import time
from collections.abc import Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from brokers import envelope
from brokers.envelope import MalformedMessage
from pools.interface import Killed
from runtime.errors import ContentDisallowed, NotRegistered
from runtime.execution import announce, current, errbacks, handlers, report
from runtime.execution.chords import is_join, join
from runtime.execution.replacing import ACCUMULATE
from runtime.execution.report import Report
from runtime.execution.reporter import Reporter, last_resort, trace_of
from runtime.execution.request import Request
from runtime.protocol import task_message
from runtime.protocol.serializers import accepted_types
from runtime.results import states

if TYPE_CHECKING:
    from runtime.app.app import App
    from runtime.app.task import Task

T = TypeVar("T")


class Runner:
    """Runs the tasks of one app."""

    def __init__(self, app: App, node: str, tells_all: bool, *, stores: bool = True) -> None:
        """stores: results are stored, if the app has a place for them."""
        self._app = app
        self._node = node
        self._tells_all = tells_all
        """Whether what a successful task returned is read in any case."""
        self._reporter = Reporter(app, node, stores=stores)
        self._accept = accepted_types(app.conf.accept_content)
        if any(task.is_async for task in app.tasks.values()):
            import runtime.execution.loops  # noqa: F401  (before children are forked: they share it)

    def __call__(self, payload: memoryview) -> bytes:
        """The report on the task in this message. Raises nothing but Killed, whatever the task does.

        An `async def` task is run to its end in an event loop of this thread.
        """
        try:
            read = self.read(payload)
            return report.encode(read if isinstance(read, Report) else self.run(read[0], read[1])[0])
        except Killed:
            raise
        except BaseException as error:  # noqa: BLE001  (the soft limit outside the task; exceptions that cannot be shown)
            return report.encode(self._cut_short(payload, error))

    async def coroutine(self, payload: bytes) -> bytes:
        """The same for a child that has an event loop: an `async def` task is awaited in it, any other
        runs in a thread of its default executor."""
        import asyncio  # 40 ms, and most children have no use for it

        try:
            read = self.read(payload)
            if isinstance(read, Report):
                return report.encode(read)
            run = self._await(*read) if read[0].is_async else asyncio.to_thread(self.run, *read)
            return report.encode((await run)[0])
        except BaseException as error:  # noqa: BLE001  (as above)
            return report.encode(self._cut_short(payload, error))

    def read(self, payload: bytes | memoryview) -> tuple[Task, Request] | Report:
        """What is to be run, or the report if that cannot be."""
        enveloped = envelope.parse(payload)
        message = task_message.read(enveloped)
        try:
            args, kwargs, embed = task_message.read_body(enveloped, self._accept)
        except (MalformedMessage, ContentDisallowed) as error:
            return Report(report.MALFORMED, text=str(error), traceback=trace_of(error))
        request = Request.from_message(message, args, kwargs, embed, hostname=self._node)
        request.watched = self._tells_all or payload[0] == report.TELL[0]
        task = self._app.tasks.get(message.name)
        if task is None:
            return self._reporter.failed(None, request, NotRegistered(message.name))
        return task, request

    def run(self, task: Task, request: Request) -> tuple[Report, Any]:
        """The report, and what the task returned or raised."""
        if task.name == ACCUMULATE and (is_join(request.message) or errbacks.is_later(request.message)):
            return self._for_others(request), None
        token = current.push(task, request)
        try:
            announce.begins(task, request)
            handlers.begin(task, request)
            if task.track_started:
                self._tell_start(task)
            value = task.run(*request.args, **request.kwargs)
            if type(value) is CoroutineType:
                value = _finish(value)
            return self._succeeded(task, request, value)
        except Killed:  # as if its process had been
            raise
        except BaseException as error:  # noqa: BLE001  (user code; SystemExit ends the task only)
            return self._raised(task, request, error)
        finally:
            current.pop(token)

    async def _await(self, task: Task, request: Request) -> tuple[Report, Any]:
        token = current.push(task, request)
        try:
            announce.begins(task, request)
            handlers.begin(task, request)
            if task.track_started:
                import asyncio

                await asyncio.to_thread(self._tell_start, task)
            return self._succeeded(task, request, await task.run(*request.args, **request.kwargs))
        except BaseException as error:  # noqa: BLE001  (as in run)
            return self._raised(task, request, error)
        finally:
            current.pop(token)

    def _succeeded(self, task: Task, request: Request, value: Any) -> tuple[Report, Any]:
        """Raises as `Reporter.succeeded`."""
        return _told(task, request, self._reporter.succeeded(task, request, value), value)

    def _raised(self, task: Task, request: Request, error: BaseException) -> tuple[Report, Any]:
        error = task.after(error)
        return _told(task, request, self._reporter.ended(task, request, error), error)

    def _for_others(self, request: Request) -> Report:
        """What follows from the ends of other tasks."""
        if is_join(request.message):
            return join(self._app, request, time.time(), self._app.results)
        return errbacks.now(self._app, request)

    def _cut_short(self, payload: bytes | memoryview, error: BaseException) -> Report:
        message = task_message.read(envelope.parse(payload))
        announce.internal_error(message.name, message.id, error)
        return last_resort(message, type(error).__name__, self._app.conf.result_serializer)

    def _tell_start(self, task: Task) -> None:
        task.update_state(state=states.STARTED, meta={"pid": os.getpid(), "hostname": self._node})


def _told(task: Task, request: Request, end: Report, outcome: Any) -> tuple[Report, Any]:
    """To the task's class and to the hooks."""
    handlers.end(task, request, end.state, outcome)
    announce.ended(task, request, end.state, outcome)
    return end, outcome


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    from runtime.execution import loops

    return loops.run(coroutine)
