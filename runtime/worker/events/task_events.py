"""The events of tasks (PROTOCOL 13.3)."""

from __future__ import annotations

import signal

from pools.interface import Lost, TimedOut
from runtime import clocks
from runtime.events.event import Event, Origin
from runtime.execution import report
from runtime.execution.report import Report
from runtime.protocol.task_message import TaskMessage
from runtime.worker.events.outbox import Outbox
from runtime.worker.ledger import Reservation

STATES = {
    report.FAILURE: "task-failed",
    report.MALFORMED: "task-failed",
    report.REJECTED: "task-failed",
    report.RETRY: "task-retried",
}
"""State of a report → event, where it tells of an exception."""


class TaskEvents:
    """Composes them; `Record` tells it what happens, if they are on. Seconds; `at`: time.monotonic()."""

    def __init__(self, origin: Origin, outbox: Outbox, on: bool) -> None:
        self.on = on
        """Somebody wants to be told. Changed by remote control."""
        self._origin = origin
        self._outbox = outbox

    def received(self, reservation: Reservation, at: float) -> None:
        task = reservation.task
        fields = {
            "name": task.name,
            "args": task.argsrepr,
            "kwargs": task.kwargsrepr,
            "root_id": task.root_id,
            "parent_id": task.parent_id,
            "retries": task.retries,
            "eta": None if task.eta is None else clocks.iso(task.eta),
            "expires": None if task.expires is None else clocks.iso(task.expires),
        }
        self._add("task-received", reservation, at, fields)

    def began(self, reservation: Reservation, at: float) -> None:
        self._add("task-started", reservation, at, {})

    def ended(self, reservation: Reservation, ended: Report, seconds: float, at: float) -> None:
        """A child has told how. Celery tells nobody of Ignore, and of Reject as of a failure, unless it runs
        again; that the message is rejected, only if it was not acknowledged before."""
        if ended.state == report.SUCCESS:
            self._add("task-succeeded", reservation, at, {"result": ended.text, "runtime": seconds})
        elif ended.state in STATES and not ended.requeue:
            fields = {"exception": ended.cause or ended.text, "traceback": ended.traceback or ""}
            self._add(STATES[ended.state], reservation, at, fields)
        if ended.state == report.REJECTED and reservation.options.acks_late:
            self._add("task-rejected", reservation, at, {"requeue": ended.requeue})

    def timed_out(self, reservation: Reservation, event: TimedOut, at: float) -> None:
        self._failed(reservation, f"TimeLimitExceeded({event.limit:g},)", at)

    def lost(self, reservation: Reservation, event: Lost, again: bool, at: float) -> None:
        """`again`: it is run once more."""
        if again:
            self._add("task-rejected", reservation, at, {"requeue": True})
        else:
            reason = f"Worker exited prematurely: exit code {event.exitcode}."
            self._failed(reservation, f"WorkerLostError({reason!r})", at)

    def terminated(self, reservation: Reservation, number: signal.Signals, at: float) -> None:
        fields = {"terminated": True, "signum": int(number), "expired": False}
        self._add("task-revoked", reservation, at, fields)

    def revoked(self, task: TaskMessage, expired: bool, at: float) -> None:
        """It had not begun."""
        self._say("task-revoked", task.id, at, {"terminated": False, "signum": None, "expired": expired})

    def refused(self, task: TaskMessage, exception: str, at: float) -> None:
        """It cannot be run here."""
        self._say("task-failed", task.id, at, {"exception": exception})

    def _failed(self, reservation: Reservation, exception: str, at: float) -> None:
        self._add("task-failed", reservation, at, {"exception": exception, "traceback": ""})

    def _add(self, type: str, reservation: Reservation, at: float, fields: Event) -> None:
        if reservation.options.send_events:
            self._say(type, reservation.task.id, at, fields)

    def _say(self, type: str, task_id: str, at: float, fields: Event) -> None:
        fields["uuid"] = task_id
        self._outbox.add_task(self._origin.event(type, at, fields))
