"""What happens to messages and their tasks: told here, once, and from here to all who want to know."""

from __future__ import annotations

import time
from signal import Signals

from brokers.envelope import MalformedMessage
from brokers.interface import Delivery
from pools.interface import Lost, TimedOut
from runtime import hooks
from runtime.errors import NotRegistered
from runtime.execution import report
from runtime.execution.chords import is_join
from runtime.execution.report import Report
from runtime.protocol.task_message import TaskMessage
from runtime.worker.announcer import Announcer
from runtime.worker.events.task_events import TaskEvents
from runtime.worker.health.meters import Meters
from runtime.worker.journal import Journal
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.refused import Cause, Refused
from runtime.worker.pipeline.verdict import Verdict


class Record:
    """Tells the log, the counts, the hooks and the events. Supervisor's loop only; `at`: time.monotonic().

    A join has the id of a task that has ended (execution.chords), of which nothing more is told to others."""

    def __init__(self, journal: Journal, meters: Meters, announcer: Announcer, events: TaskEvents) -> None:
        self._journal = journal
        self._meters = meters
        self._announcer = announcer
        self._events = events

    def wants_results(self) -> bool:
        """Whether each job is to tell what it returned (`report.TELL`): the log has that from its children
        without being asked."""
        return self._events.on

    def received(self, reservation: Reservation, at: float) -> None:
        """For the first time: not when it comes back because it is due."""
        if self._journal.tells_all:
            self._journal.received(reservation)
        if hooks.task_received.handlers and not is_join(reservation.task):
            self._announcer.received(reservation.task)
        if self._events.on and not is_join(reservation.task):
            self._events.received(reservation, at)

    def refused(self, refused: Refused, delivery: Delivery) -> None:
        """It ended at its intake."""
        self._meters.refused()
        task, cause = refused.task, refused.cause
        if task is not None and cause in (Cause.EXPIRED, Cause.REVOKED):
            self._discarded(task, cause is Cause.EXPIRED)
            return
        self._journal.refused(refused.reason, refused.settlement.dead is not None)
        if task is None:
            self._announcer.rejected(delivery.message, MalformedMessage(refused.reason))
        elif cause is Cause.UNKNOWN:
            error = NotRegistered(task.name)
            self._announcer.unknown(delivery.message, task, error)
            self._failed(task, repr(error))
        else:
            self._failed(task, refused.reason)

    def expired(self, task: TaskMessage) -> None:
        """While it waited here."""
        self._meters.refused()
        self._discarded(task, True)

    def withdrawn(self, task: TaskMessage) -> None:
        """It was revoked while it waited here."""
        self._meters.refused()
        self._discarded(task, False)

    def began(self, reservation: Reservation, at: float) -> None:
        if self._events.on and not is_join(reservation.task):
            self._events.began(reservation, at)

    def reported(self, reservation: Reservation, ended: Report, seconds: float, at: float) -> None:
        """A child has told how it ended, after so many seconds."""
        if self._journal.tells_all or ended.state != report.SUCCESS:
            self._journal.reported(reservation, ended, seconds)
        self._meters.ended(reservation, ended.state, at)
        if ended.state == report.MALFORMED:
            self._announcer.rejected(reservation.message, MalformedMessage(ended.text))
        if self._events.on and not is_join(reservation.task):
            self._events.ended(reservation, ended, seconds, at)

    def timed_out(self, reservation: Reservation, event: TimedOut) -> None:
        now = time.monotonic()
        self._journal.timed_out(reservation, event)
        self._meters.ended(reservation, "TIMED_OUT", now)
        self._announcer.timed_out(reservation.task, event)
        if self._events.on and not is_join(reservation.task):
            self._events.timed_out(reservation, event, now)

    def terminated(self, reservation: Reservation, number: Signals) -> None:
        """It has been given this signal, by remote control. How it ends is told when it does."""
        self._journal.terminated(reservation, number)
        self._announcer.revoked(reservation.task, terminated=True, signum=int(number))
        if self._events.on:
            self._events.terminated(reservation, number, time.monotonic())

    def ended_by_signal(self, reservation: Reservation) -> None:
        """The same has ended by it."""
        self._meters.ended(reservation, "REVOKED", time.monotonic())

    def lost(self, reservation: Reservation, event: Lost, verdict: Verdict) -> None:
        """Its child died."""
        now = time.monotonic()
        self._journal.lost(reservation, event, verdict)
        self._meters.lost(reservation, verdict, now)
        if verdict is not Verdict.REDELIVER:
            self._announcer.lost(reservation.task, event)
        if self._events.on and not is_join(reservation.task):
            self._events.lost(reservation, event, verdict is Verdict.REDELIVER, now)

    def abandoned(self, reservation: Reservation) -> None:
        """Our cold shutdown killed it."""
        self._journal.abandoned(reservation)

    def unsettleable(self, reservation: Reservation, error: Exception) -> None:
        self._journal.unsettleable(reservation, error)

    def _failed(self, task: TaskMessage, exception: str) -> None:
        if self._events.on:
            self._events.refused(task, exception, time.monotonic())

    def _discarded(self, task: TaskMessage, expired: bool) -> None:
        self._journal.discarded(task, expired)
        self._announcer.revoked(task, expired=expired)
        if self._events.on:
            self._events.revoked(task, expired, time.monotonic())
