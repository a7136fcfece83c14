"""Tells the hooks what happens in the supervisor. Nothing is prepared where nobody listens."""

from __future__ import annotations

from pools.interface import Lost, TimedOut
from runtime import hooks
from runtime.execution.request import Request
from runtime.protocol.task_message import TaskMessage


class Announcer:
    def __init__(self, node: hooks.Node) -> None:
        self._node = node

    def ready(self) -> None:
        """Tasks can be run."""
        hooks.worker_ready.send(self._node)

    def heartbeat(self) -> None:
        """An event has told that the worker lives."""
        hooks.heartbeat_sent.send(self._node)

    def shutting_down(self, sig: str | None, warm: bool, exitcode: int) -> None:
        """sig: name of the signal."""
        hooks.worker_shutting_down.send(
            self._node.hostname, sig=sig, how="Warm" if warm else "Cold", exitcode=int(exitcode)
        )

    def received(self, task: TaskMessage) -> None:
        if hooks.task_received.handlers:
            hooks.task_received.send(self._node, request=self._request(task))

    def revoked(
        self, task: TaskMessage, *, terminated: bool = False, expired: bool = False, signum: int | None = None
    ) -> None:
        """It is not run, or not to its end. signum: by which it is terminated."""
        if hooks.task_revoked.handlers:
            hooks.task_revoked.send(
                task.name, request=self._request(task), terminated=terminated, expired=expired, signum=signum
            )

    def rejected(self, message: bytes, reason: Exception) -> None:
        """It makes no sense."""
        hooks.task_rejected.send(self._node, message=message, exc=reason)

    def unknown(self, message: bytes, task: TaskMessage, error: Exception) -> None:
        """We have no task of this name."""
        hooks.task_unknown.send(self._node, name=task.name, id=task.id, message=message, exc=error)

    def timed_out(self, task: TaskMessage, event: TimedOut) -> None:
        if hooks.task_failure.handlers:
            from billiard.exceptions import TimeLimitExceeded

            self._failed(task, TimeLimitExceeded(event.limit))

    def lost(self, task: TaskMessage, event: Lost) -> None:
        """Its child died, and it is not run again."""
        if hooks.task_failure.handlers:
            from billiard.exceptions import WorkerLostError

            self._failed(task, WorkerLostError(f"exit code {event.exitcode}"))

    def _failed(self, task: TaskMessage, error: Exception) -> None:
        hooks.task_failure.send(
            task.name,
            task_id=task.id,
            exception=error,
            args=None,
            kwargs=None,
            traceback=None,
            einfo=None,
        )

    def _request(self, task: TaskMessage) -> Request:
        request = Request(task, (), {})
        request.hostname = self._node.hostname
        return request
