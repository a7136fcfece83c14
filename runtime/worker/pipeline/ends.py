"""From what the pool tells to settlements."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from brokers.interface import Settlement
from pools.interface import Booted, ChildFailed, Event, Finished, Lost, Started, TimedOut
from runtime.execution import report
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.pipeline.dispatch import Dispatcher
from runtime.worker.pipeline.pace import Pace
from runtime.worker.pipeline.settle import Settler
from runtime.worker.record import Record


class Ends:
    """Strikes from the ledger what has ended. Supervisor's loop only."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        pace: Pace,
        settler: Settler,
        record: Record,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._pace = pace
        self._settler = settler
        self._record = record

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
                self._record.began(reservation, event.at)
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
        ended = report.decode(event.payload)
        self._record.reported(reservation, ended, seconds, event.at)
        if not report.is_bare(ended):
            settled.append(self._settled(reservation, lambda: self._settler.reported(reservation, ended)))
        elif reservation.tag:
            settled.append(Settlement(reservation.tag))

    def _timed_out(self, event: TimedOut) -> Settlement:
        reservation = self._ledger.strike(event.job)
        self._record.timed_out(reservation, event)
        return self._settled(reservation, lambda: self._settler.timed_out(reservation, event))

    def _cut_short(self, event: Lost, killing: bool) -> Settlement:
        """Its child died while it ran it."""
        reservation = self._ledger.strike(event.job)
        if reservation.terminated is not None:
            self._record.ended_by_signal(reservation)
            return self._settled(reservation, lambda: self._settler.terminated(reservation))
        if killing:
            self._record.abandoned(reservation)
            return self._settled(reservation, lambda: self._settler.abandoned(reservation))
        return self._lost(reservation, event)

    def _lost(self, reservation: Reservation, event: Lost) -> Settlement:
        verdict = self._settler.loss(reservation, event)
        self._record.lost(reservation, event, verdict)
        return self._settled(reservation, lambda: self._settler.lost(reservation, event))

    def _settled(self, reservation: Reservation, settled: Callable[[], Settlement]) -> Settlement:
        try:
            return settled()
        except Exception as error:  # noqa: BLE001  (one message must not stop the worker, and the next one after it)
            self._record.unsettleable(reservation, error)
            return self._settler.unsettleable(reservation, error)
