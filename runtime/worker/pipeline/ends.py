"""From what the pool tells to settlements."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from brokers.envelope import MalformedMessage
from brokers.interface import Settlement
from pools.interface import Booted, ChildFailed, Event, Finished, Lost, Started, TimedOut
from runtime.execution import report
from runtime.worker.announcer import Announcer
from runtime.worker.health.meters import Meters
from runtime.worker.journal import Journal
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.settle import Settler
from runtime.worker.pipeline.verdict import Verdict


class Ends:
    """Strikes from the ledger what has ended, and tells journal and meters. Supervisor's loop only."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        pace: Pace,
        settler: Settler,
        journal: Journal,
        meters: Meters,
        announcer: Announcer,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._pace = pace
        self._settler = settler
        self._journal = journal
        self._meters = meters
        self._announcer = announcer

    def settlements(
        self, events: Sequence[Event], killing: bool
    ) -> tuple[list[Settlement], list[Booted | ChildFailed]]:
        """Of the tasks that have begun (early ack) or ended; and the events that are about no task.
        `killing`: we are killing our tasks, so that their loss is no fault of theirs."""
        settled: list[Settlement] = []
        others: list[Booted | ChildFailed] = []
        begun: dict[int, Reservation] = {}
        for event in events:
            if type(event) is Started:
                reservation = self._ledger.begin(event.job, event.at, event.pid)
                self._dispatcher.begun(event.job)
                if not reservation.options.acks_late and event.job not in self._ledger.theirs:
                    begun[event.job] = reservation
            elif type(event) is Finished:
                begun.pop(event.job, None)
                self._finish(event, settled)
            elif isinstance(event, TimedOut | Lost):
                if event.job in begun:  # also if it began in this very turn: it must not run again
                    settled.append(self._settler.acknowledged(begun.pop(event.job)))
                settled.append(
                    self._timed_out(event) if isinstance(event, TimedOut) else self._cut_short(event, killing)
                )
            elif isinstance(event, Booted | ChildFailed):
                others.append(event)
        settled.extend(self._settler.acknowledged(reservation) for reservation in begun.values())
        return settled, others

    def _finish(self, event: Finished, settled: list[Settlement]) -> None:
        """An early-ack task that began and ended within one turn is settled once, as a late one."""
        reservation = self._ledger.strike(event.job)
        seconds = event.at - (reservation.started or event.at)
        self._pace.note(reservation.task.name, seconds)
        self._dispatcher.moved_at = event.at
        if not event.payload and not self._journal.tells_all:
            self._meters.ended(reservation, report.SUCCESS, event.at)
            if reservation.tag:
                settled.append(Settlement(reservation.tag))
            return
        ended = report.decode(event.payload)
        self._journal.reported(reservation, ended, seconds)
        self._meters.ended(reservation, ended.state, event.at)
        if ended.state == report.MALFORMED:
            self._announcer.rejected(reservation.message, MalformedMessage(ended.text))
        settled.append(self._settled(reservation, lambda: self._settler.reported(reservation, ended)))

    def _timed_out(self, event: TimedOut) -> Settlement:
        reservation = self._ledger.strike(event.job)
        self._journal.timed_out(reservation, event)
        self._meters.ended(reservation, "TIMED_OUT", time.monotonic())
        self._announcer.timed_out(reservation.task, event)
        return self._settled(reservation, lambda: self._settler.timed_out(reservation, event))

    def _cut_short(self, event: Lost, killing: bool) -> Settlement:
        """Its child died while it ran it."""
        reservation = self._ledger.strike(event.job)
        if reservation.terminated:
            self._journal.terminated(reservation)
            self._meters.ended(reservation, "REVOKED", time.monotonic())
            self._announcer.revoked(reservation.task, terminated=True)
            return self._settled(reservation, lambda: self._settler.terminated(reservation))
        if killing:
            return self._settled(reservation, lambda: self._settler.abandoned(reservation))
        return self._lost(reservation, event)

    def _lost(self, reservation: Reservation, event: Lost) -> Settlement:
        verdict = self._settler.loss(reservation, event)
        self._journal.lost(reservation, event, verdict)
        self._meters.lost(reservation, verdict, time.monotonic())
        if verdict is not Verdict.REDELIVER:
            self._announcer.lost(reservation.task, event)
        return self._settled(reservation, lambda: self._settler.lost(reservation, event))

    def _settled(self, reservation: Reservation, settled: Callable[[], Settlement]) -> Settlement:
        try:
            return settled()
        except Exception as error:  # noqa: BLE001  (one message must not stop the worker, and the next one after it)
            self._journal.unsettleable(reservation, error)
            return self._settler.unsettleable(reservation, error)
