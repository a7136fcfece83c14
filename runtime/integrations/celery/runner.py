"""One task's run by Celery's own tracer: from the bytes of its message to the bytes of its report.

Celery stores the result and sends what follows while it runs; so both have happened when the supervisor
hears of the end and acknowledges a late-ack message. What becomes of the message itself, which Celery's
main process decides, is told in the report.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from brokers import envelope
from brokers.envelope import Envelope
from pools.interface import Killed
from runtime.execution import errbacks, report
from runtime.execution.report import PLAIN_SUCCESS, Report
from runtime.execution.reporter import PRINTED
from runtime.protocol import ended, protocol1
from runtime.results import states
from runtime.results.exceptions import printed

if TYPE_CHECKING:
    from celery import Celery

    from runtime.protocol.ended import Ended

logger = logging.getLogger("runtime.worker")


class CeleryRunner:
    """Runs the tasks of one Celery app. Made in the fork server, used in its children."""

    def __init__(self, app: Celery, node: str) -> None:
        from celery.app.trace import trace_task
        from celery.exceptions import Ignore, Reject, Retry
        from kombu.compression import decompress
        from kombu.serialization import loads, prepare_accept_content

        self._app = app
        self._node = node
        self._trace = trace_task
        self._reject, self._ignore, self._retry = Reject, Ignore, Retry
        self._decompress = decompress
        self._loads = loads
        self._accept = prepare_accept_content(app.conf.accept_content)

    def __call__(self, payload: memoryview | bytes) -> bytes:
        """The report on the task in this message. Raises nothing but Killed, whatever the task does."""
        try:
            enveloped = envelope.parse(payload)
            end = ended.read(enveloped.headers)
            if end is not None:
                return report.encode(self._store_end(enveloped, end))
            try:
                request = self._request(enveloped)
            except Exception as error:  # noqa: BLE001  (of each serializer its own; also a refused content type)
                return report.encode(Report(report.MALFORMED, text=f"{type(error).__name__}: {error}"))
            if errbacks.FAILED in enveloped.headers:
                return report.encode(self._call_errbacks(request, enveloped.headers[errbacks.FAILED]))
            return report.encode(self._run(request, told=payload[0] == report.TELL[0]))
        except Killed:
            raise
        except BaseException as error:
            logger.critical("A task's end could not be told to Celery", exc_info=error)
            return report.encode(Report(report.FAILURE, text=repr(error)))

    async def coroutine(self, payload: bytes) -> bytes:
        """The same for a child with an event loop: Celery's tasks are functions, so each has a thread."""
        import asyncio

        return await asyncio.to_thread(self, payload)

    def _request(self, enveloped: Envelope) -> dict[str, Any]:
        """What Celery's worker puts into a task's request (PROTOCOL 4, 9). Raises what a serializer does."""
        headers, properties = enveloped.headers, enveloped.properties
        body = self._body(enveloped)
        if "task" not in headers:
            headers, body = protocol1.headers(enveloped), protocol1.body(body)
        args, kwargs, embed = body
        info = properties.get("delivery_info") or {}
        return {
            **headers,
            "properties": properties,
            "reply_to": properties.get("reply_to"),
            "correlation_id": properties.get("correlation_id"),
            "hostname": self._node,
            "delivery_info": {
                "exchange": info.get("exchange"),
                "routing_key": info.get("routing_key"),
                "priority": properties.get("priority"),
                "redelivered": info.get("redelivered", False),
            },
            "args": args,
            "kwargs": kwargs,
            "is_eager": False,
            **(embed or {}),
        }

    def _body(self, enveloped: Envelope) -> Any:
        compression = enveloped.headers.get("compression")
        if compression is None:
            content = enveloped.content()
        else:  # by kombu, which knows more kinds
            headers = {name: value for name, value in enveloped.headers.items() if name != "compression"}
            content = self._decompress(replace(enveloped, headers=headers).content(), compression)
        return self._loads(content, enveloped.content_type, enveloped.content_encoding, accept=self._accept)

    def _run(self, request: dict[str, Any], told: bool) -> Report:
        """told: what it returned is to be."""
        task = self._app.tasks.get(request["task"])
        if task is None:
            return self._unknown(request)
        try:
            value, info, _, text = self._trace(
                task,
                request["id"],
                request["args"],
                request["kwargs"],
                request,
                hostname=self._node,
                loader=self._app.loader,
                app=self._app,
            )
        except self._reject as error:  # out of a handler
            return self._ended(task, request, error, None)
        except Killed:  # as if its process had been
            raise
        except BaseException as error:  # noqa: BLE001  (SystemExit and its like, at which Celery's child dies)
            return self._died(task, request, error)
        if info is None:
            return Report(report.SUCCESS, text=text or "") if told else PLAIN_SUCCESS
        return self._ended(task, request, info.retval, getattr(value, "traceback", None))

    def _ended(self, task: Any, request: dict[str, Any], error: Any, trace: str | None) -> Report:
        """By an exception, which Celery has seen to."""
        if isinstance(error, self._reject):
            if not error.requeue:
                self._fail(task, request, error)
            reason, cause = printed(error.reason), printed(error)[:PRINTED]
            return Report(
                report.REJECTED, text=reason, traceback=trace, requeue=bool(error.requeue), cause=cause
            )
        if isinstance(error, self._ignore):
            return Report(report.IGNORED)
        if isinstance(error, self._retry):
            return Report(report.RETRY, text=str(error), traceback=trace, cause=printed(error.exc)[:PRINTED])
        return Report(report.FAILURE, text=printed(error)[:PRINTED], traceback=trace)

    def _died(self, task: Any, request: dict[str, Any], error: BaseException) -> Report:
        """It raised what would have ended Celery's child; the client sees what it would see then."""
        from celery.exceptions import WorkerLostError

        lost = error if isinstance(error, Exception) else WorkerLostError(f"the task raised {error!r}")
        self._fail(task, request, lost)
        logger.error("Task %s[%s] raised %r", task.name, request["id"], error)
        return Report(report.FAILURE, text=repr(error))

    def _store_end(self, enveloped: Envelope, end: Ended) -> Report:
        """Of a task that the supervisor saw end, or did not begin."""
        try:
            request = self._request(enveloped)
        except Exception:  # noqa: BLE001  (perhaps that is why; then nothing can be told that hangs on it)
            request = {**enveloped.headers, "args": (), "kwargs": {}}
        request["task"] = end.task
        task = self._app.tasks.get(end.task)
        error = self._app.backend.exception_to_python(end.error)
        self._fail(task, request, error, end.state)
        if task is not None and end.state == states.FAILURE:
            task.on_failure(error, request["id"], request["args"], request["kwargs"], None)
        return PLAIN_SUCCESS

    def _call_errbacks(self, request: dict[str, Any], failed: dict[str, Any]) -> Report:
        """Of a task that the supervisor saw end, and whose failure it has stored (`errbacks.later`)."""
        of = {"id": request["args"][0], "task": failed["task"], "errbacks": request["callbacks"]}
        backend = self._app.backend
        backend._call_task_errbacks(
            self._context({**request, **of}), backend.exception_to_python(failed["error"]), None
        )
        return PLAIN_SUCCESS

    def _unknown(self, request: dict[str, Any]) -> Report:
        """Only if tasks were there at boot and have been unregistered since."""
        from celery.exceptions import NotRegistered

        error = NotRegistered(request["task"])
        self._fail(None, request, error)
        return Report(report.FAILURE, text=repr(error))

    def _fail(self, task: Any, request: dict[str, Any], error: Any, state: str = states.FAILURE) -> None:
        """Store it, with all that hangs on it, and send the signal, as Celery's main process does. task:
        None if it is not known."""
        from celery import signals

        context = self._context(request)
        backend = self._app.backend if task is None else task.backend
        hidden = task is not None and self._ignores(task, request) and not task.store_errors_even_if_ignored
        if state == states.REVOKED:
            backend.mark_as_revoked(request["id"], str(error), request=context, store_result=not hidden)
            signals.task_revoked.send(
                sender=task, request=context, terminated=str(error) == "terminated", signum=None,
                expired=str(error) == "expired",
            )  # fmt: skip
            return
        backend.mark_as_failure(request["id"], error, request=context, store_result=not hidden)
        signals.task_failure.send(
            sender=task,
            task_id=request["id"],
            exception=error,
            args=request["args"],
            kwargs=request["kwargs"],
            traceback=error.__traceback__,
            einfo=None,
        )

    @staticmethod
    def _ignores(task: Any, request: dict[str, Any]) -> bool:
        chosen = request.get("ignore_result")
        return bool(task.ignore_result if chosen is None else chosen)

    @staticmethod
    def _context(request: dict[str, Any]) -> Any:
        from celery.app.task import Context

        return Context(request, called_directly=False)
