"""From an end to a settlement. Every end of a message goes through here; nothing is sent here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from brokers import dead_letter, envelope
from brokers.interface import ChordEnd, ChordPart, ChordSize, Delivery, Push, Settlement, Write
from pools.interface import Lost, TimedOut
from runtime.errors import ChordError, NotRegistered, TaskRevokedError
from runtime.execution import failure
from runtime.execution.chords import is_join
from runtime.execution.manifest import TaskOptions
from runtime.execution.report import RETRY, Report
from runtime.protocol import ended
from runtime.protocol.task_message import TaskMessage
from runtime.results import document, states
from runtime.results.document import About, Described
from runtime.results.exceptions import to_wire
from runtime.results.keys import ResultKeys
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.verdict import Verdict, of_loss, of_report, of_time_out

if TYPE_CHECKING:
    from runtime.app.app import App


UNKNOWN = TaskOptions("")
"""Of a task that is not to be run: as none has been declared."""
NOT_BEGUN = (states.PENDING, states.RECEIVED, states.RETRY, states.REJECTED)
"""States in which no worker has a task."""


class Settler:
    """Knows what every settlement of this worker needs: where results go, and its own name."""

    def __init__(self, app: App, node: str, children_store: bool = False) -> None:
        """children_store: see `runtime.worker.options.Children.store_ends`."""
        self._app = app
        self._children_store = children_store
        self._keys = ResultKeys.of(app.conf)
        self._node = node
        self.max_restores: int = app.conf.task_max_restores

    def acknowledged(self, reservation: Reservation) -> Settlement:
        """Early ack: a child has begun it."""
        tag, reservation.tag = reservation.tag, ""
        return Settlement(tag)

    def given_back(self, reservation: Reservation) -> Settlement:
        """It had not started: back to where it came from, as it came."""
        return Settlement(reservation.tag, pushes=(self._to_head(reservation, reservation.message),))

    def reported(self, reservation: Reservation, report: Report) -> Settlement:
        """The child told how it ended."""
        # One that began and ended in one turn is acknowledged here, if it was to be when it began.
        acknowledged = not reservation.tag or not reservation.options.acks_late
        verdict = of_report(reservation.options, acknowledged, report)
        if verdict is Verdict.DEAD:
            return self._malformed(reservation, report)
        pushes = report.pushes
        if report.state == RETRY:
            pushes = [_returned(push, reservation) for push in pushes]
        if verdict is Verdict.REQUEUE:
            pushes = [*pushes, self._to_tail(reservation)]
        chords = [_placed(chord, reservation) for chord in report.chords] if report.chords else ()
        return Settlement(reservation.tag, self._writes(report.documents), pushes, chords=chords)

    def timed_out(self, reservation: Reservation, event: TimedOut) -> Settlement:
        """Its hard limit killed it."""
        if of_time_out(reservation.options, not reservation.tag) is Verdict.REQUEUE:
            return Settlement(reservation.tag, pushes=(self._to_tail(reservation),))
        from billiard.exceptions import TimeLimitExceeded  # 40 ms, and seldom needed

        return self._failed(reservation, TimeLimitExceeded(event.limit))

    def loss(self, reservation: Reservation, event: Lost) -> Verdict:
        """What becomes of it: its child died while it ran it, once more."""
        return of_loss(reservation.options, not reservation.tag, _deliveries(reservation, event))

    def lost(self, reservation: Reservation, event: Lost) -> Settlement:
        """The same, settled."""
        verdict, deliveries = self.loss(reservation, event), _deliveries(reservation, event)
        if verdict is Verdict.REDELIVER:
            again = envelope.redelivered(reservation.message, deaths=deliveries)
            return Settlement(reservation.tag, pushes=(self._to_head(reservation, again),))
        times = f", {deliveries} times" if deliveries > 1 else ""
        failed = self._lost(reservation, f"its process died: {_cause(event.exitcode)}{times}")
        if verdict is Verdict.DEAD:
            reason = f"killed its child: {_cause(event.exitcode)}"
            failed = failed._replace(dead=self._dead(reservation, reason, deliveries))
        return failed

    def worn_out(self, reservation: Reservation) -> Settlement:
        """It was with more workers that died than `task_max_restores`: perhaps it is what kills them."""
        reason = f"its worker died {envelope.restores(reservation.task.properties)} times"
        deliveries = envelope.deaths(reservation.task.properties)
        return self._lost(reservation, reason)._replace(dead=self._dead(reservation, reason, deliveries))

    def abandoned(self, reservation: Reservation) -> Settlement:
        """Killed by our own cold shutdown: late-ack ones run again, early-ack ones are told so."""
        if reservation.tag:
            again = envelope.redelivered(reservation.message)
            return Settlement(reservation.tag, pushes=(self._to_head(reservation, again),))
        return self._lost(reservation, "the worker was shut down while the task ran", states.RETRY)

    def unreadable(self, delivery: Delivery, reason: str) -> Settlement:
        """Not a task message at all."""
        return self._kept(delivery.tag, delivery.queue, delivery.message, reason)

    def unsettleable(self, reservation: Reservation, error: Exception) -> Settlement:
        """Its end cannot be settled as it should: it is kept, so that it cannot stop this worker, nor
        the next one."""
        return self._kept(
            reservation.tag, reservation.queue, reservation.message, f"cannot be settled: {error!r}"
        )

    def _kept(self, tag: str, queue: str, message: bytes, reason: str) -> Settlement:
        return Settlement(
            tag, dead=(queue, dead_letter.encode(message, time.time(), reason=reason, node=self._node))
        )

    def unknown(self, delivery: Delivery, task: TaskMessage) -> Settlement:
        """No child knows a task of this name. Stored as a failure, or callers would hang."""
        error = NotRegistered(task.name)
        entry = dead_letter.encode(
            delivery.message,
            time.time(),
            reason=f"unknown task {task.name!r}",
            node=self._node,
            task=task.name,
            task_id=task.id,
        )
        reservation = Reservation(0, delivery.tag, delivery.queue, delivery.message, task, UNKNOWN)
        return self._failed(reservation, error)._replace(dead=(delivery.queue, entry))

    def revoked(self, delivery: Delivery, task: TaskMessage, reason: str) -> Settlement:
        """It is not to be run (PROTOCOL 9, step 4): `expired`, or `revoked`."""
        reservation = Reservation(0, delivery.tag, delivery.queue, delivery.message, task, UNKNOWN)
        return self._failed(reservation, TaskRevokedError(reason), states.REVOKED)

    def marked_revoked(self, task_id: str) -> Settlement:
        """The same for a task whose message is elsewhere, or nowhere: only its result says so, and only if
        no worker has begun it, as far as its result tells (PROTOCOL 12.4)."""
        revoked = self._document(states.REVOKED, TaskRevokedError("revoked"), About(task_id))
        return Settlement(
            "", [write._replace(over=NOT_BEGUN) for write in self._keys.writes(task_id, revoked)]
        )

    def told_to_end(self, reservation: Reservation) -> Settlement:
        """It has been given a signal, but may heed it in its own time, and then its result says how it ended.
        Those who wait for it learn at once that it is revoked, as Celery's do."""
        if _hides_failure(reservation):
            return Settlement("")
        error = TaskRevokedError("terminated")
        revoked = self._document(states.REVOKED, error, reservation.task)
        return Settlement("", self._keys.writes(reservation.task.id, revoked))

    def terminated(self, reservation: Reservation) -> Settlement:
        """Its child died because somebody had told us to end it."""
        return self._failed(reservation, TaskRevokedError("terminated"), states.REVOKED)

    def _malformed(self, reservation: Reservation, report: Report) -> Settlement:
        """A child could not decode its body."""
        failed = self._failed(reservation, envelope.MalformedMessage(report.text))
        deliveries = envelope.deaths(reservation.task.properties)
        return failed._replace(dead=self._dead(reservation, report.text, deliveries, report.traceback))

    def _lost(self, reservation: Reservation, text: str, state: str = states.FAILURE) -> Settlement:
        from billiard.exceptions import WorkerLostError  # 40 ms, and seldom needed

        return self._failed(reservation, WorkerLostError(text), state)

    def _failed(self, reservation: Reservation, error: Exception, state: str = states.FAILURE) -> Settlement:
        """Failed by what the supervisor saw; the task's own code had no say."""
        task = reservation.task
        joins = is_join(task)
        if joins:  # its id is that of a part, which has ended: it is the chord's body that fails
            error = ChordError(f"Join error: {error!r}")
        if self._children_store and task.name != ended.TASK and state != states.RETRY:
            told = ended.build(reservation.message, task, state, to_wire(error))
            return Settlement(reservation.tag, pushes=(self._to_head(reservation, told),))
        if state == states.RETRY:
            pushes, failing, parts = failure.NONE
        else:
            pushes, failing, parts = failure.consequences(
                self._app, reservation.message, task, reservation.queue, state, error
            )
        described: list[Described] = [About(each.task_id, each.group_id) for each in failing]
        if not joins:
            described.insert(0, task)
        documents = [(str(each.id), self._document(state, error, each)) for each in described]
        if _hides_failure(reservation) and not joins:
            documents = []
        chords = [_placed(part, reservation) for part in parts]
        return Settlement(reservation.tag, self._writes(documents), pushes, chords=chords)

    def _document(self, state: str, error: Exception, about: Described) -> bytes:
        serializer = self._app.conf.result_serializer
        return document.encode(state, error, message=about, serializer=serializer)

    def _writes(self, documents: Sequence[tuple[str, bytes]]) -> list[Write]:
        return [write for task_id, doc in documents for write in self._keys.writes(task_id, doc)]

    def _dead(
        self, reservation: Reservation, reason: str, deliveries: int, traceback: str | None = None
    ) -> tuple[str, bytes]:
        entry = dead_letter.encode(
            reservation.message,
            time.time(),
            reason=reason,
            node=self._node,
            task=reservation.task.name,
            task_id=reservation.task.id,
            deliveries=deliveries,
            restores=envelope.restores(reservation.task.properties),
            traceback=traceback,
        )
        return reservation.queue, entry

    @staticmethod
    def _to_head(reservation: Reservation, message: bytes) -> Push:
        return Push(reservation.queue, message, reservation.task.priority, head=True)

    @staticmethod
    def _to_tail(reservation: Reservation) -> Push:
        return Push(reservation.queue, envelope.redelivered(reservation.message), reservation.task.priority)


Chord = ChordSize | ChordPart | ChordEnd


def _placed(chord: Chord, reservation: Reservation) -> Chord:
    """What it publishes goes to the head of the queue that the part was taken from."""
    match chord:
        case ChordPart():
            return chord._replace(join=chord.join._replace(queue=reservation.queue, head=True))
        case ChordEnd():
            return chord._replace(again=chord.again._replace(queue=reservation.queue, head=True))
    return chord


def _hides_failure(reservation: Reservation) -> bool:
    task, options = reservation.task, reservation.options
    ignore = options.ignore_result if task.ignore_result is None else task.ignore_result
    return bool(ignore and not options.store_errors_even_if_ignored)


def _returned(push: Push, reservation: Reservation) -> Push:
    """A retry goes back to its queue; of a message that was sent to an exchange, the child knows only the
    key."""
    info, queue = reservation.task.delivery_info, reservation.queue
    if info.get("exchange") and push.queue == info.get("routing_key") != queue:
        return push._replace(queue=queue, message=envelope.addressed(push.message, queue))
    return push


def _cause(exitcode: int) -> str:
    return f"signal {-exitcode}" if exitcode < 0 else f"exit code {exitcode}"


def _deliveries(reservation: Reservation, event: Lost) -> int:
    """How many have ended with the death of the child, this one included unless it is without blame."""
    return envelope.deaths(reservation.task.properties) + (not event.blameless)
