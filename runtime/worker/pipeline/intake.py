"""From a delivery to a reservation; or to its settlement, if it ends here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from brokers import envelope
from brokers.envelope import MalformedMessage
from brokers.interface import Delivery, Settlement
from runtime.execution.chords import is_join
from runtime.execution.manifest import Manifest
from runtime.protocol import ended, task_message
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.pipeline.hold import NEAR, NearlyDue
from runtime.worker.pipeline.limit import RateLimits
from runtime.worker.pipeline.refused import Cause, Refused
from runtime.worker.pipeline.settle import Settler
from runtime.worker.pipeline.verdict import is_worn_out
from runtime.worker.record import Record
from runtime.worker.revoked import Revoked

SKEW = 60.0
"""Seconds by which the server's clock may differ from ours. What comes back sooner than that was roused."""


def admit(
    delivery: Delivery,
    manifest: Manifest,
    ledger: Ledger,
    settler: Settler,
    revoked: Revoked,
    epoch: float,
) -> Reservation | Refused:
    """Enter it into the ledger, unless it is malformed, unknown, expired, revoked, or was with too many
    workers that died. epoch: time.time()."""
    try:
        task = task_message.read(envelope.parse(delivery.message))
    except MalformedMessage as error:
        return Refused(
            settler.unreadable(delivery, str(error)), f"malformed message: {error}", Cause.MALFORMED
        )
    except Exception as error:  # noqa: BLE001  (one message must not stop the worker, and the next one after it)
        return Refused(
            settler.unreadable(delivery, repr(error)), f"unreadable message: {error!r}", Cause.MALFORMED
        )
    options = manifest.get(task.name)
    if options is None:
        reason = f"unknown task {task.name!r}, id {task.id}: none of the modules that are imported has it"
        return Refused(settler.unknown(delivery, task), reason, Cause.UNKNOWN, task)
    if task.expires is not None and task.expires <= epoch:
        reason = f"task {task.name}[{task.id}] has expired"
        return Refused(settler.revoked(delivery, task, "expired"), reason, Cause.EXPIRED, task)
    if _is_revoked(task, revoked):
        reason = f"task {task.name}[{task.id}] was revoked"
        return Refused(settler.revoked(delivery, task, "revoked"), reason, Cause.REVOKED, task)
    if is_worn_out(envelope.restores(task.properties), settler.max_restores):
        never_entered = Reservation(0, delivery.tag, delivery.queue, delivery.message, task, options)
        reason = f"task {task.name}[{task.id}] was with more than {settler.max_restores} workers that died"
        return Refused(settler.worn_out(never_entered), reason, Cause.WORN_OUT, task)
    return ledger.enter(delivery.tag, delivery.queue, delivery.message, task, options)


def _is_revoked(task: task_message.TaskMessage, revoked: Revoked) -> bool:
    return bool(revoked) and task in revoked and not (is_join(task) or task.name == ended.TASK)


class Admitted(NamedTuple):
    """What became of messages, but for those that wait here."""

    ready: list[Reservation]
    far: list[tuple[str, float]]
    """(tag, due epoch): to be held by the broker; not in the ledger any more."""
    settlements: list[Settlement]
    """Of those that end at once."""


class Intake:
    """Supervisor's loop only."""

    def __init__(
        self,
        ledger: Ledger,
        nearly_due: NearlyDue,
        limits: RateLimits,
        settler: Settler,
        revoked: Revoked,
        record: Record,
    ) -> None:
        self._ledger = ledger
        self._revoked = revoked
        self._nearly_due = nearly_due
        self._limits = limits
        self._settler = settler
        self._record = record

    def admit(self, deliveries: Sequence[Delivery], manifest: Manifest, now: float) -> Admitted:
        """now: time.monotonic()."""
        epoch = time.time()
        admitted = Admitted([], [], [])
        limited = self._limits.any()
        for delivery in deliveries:
            entry = admit(delivery, manifest, self._ledger, self._settler, self._revoked, epoch)
            if isinstance(entry, Refused):
                admitted.settlements.append(entry.settlement)
                self._record.refused(entry, delivery)
                continue
            entry.received = now
            if not delivery.held:
                self._record.received(entry, now)
            eta = entry.task.eta
            if eta is None or eta <= epoch:
                if limited:
                    self._admit_in_turn(entry, delivery.held, admitted, epoch, now)
                else:
                    admitted.ready.append(entry)
            elif eta <= epoch + (SKEW if delivery.held else NEAR):
                self._nearly_due.add(eta, entry)
            else:
                admitted.far.append((self._ledger.strike(entry.id).tag, eta))
        return admitted

    def withdraw_held(self, sighted: Sequence[Delivery]) -> list[Settlement]:
        """Of messages that the broker goes on holding: those that are revoked end now."""
        settlements = []
        for delivery in sighted:
            task = task_message.read(envelope.parse(delivery.message))  # as when it was first admitted
            if _is_revoked(task, self._revoked):
                settlements.append(self._settler.revoked(delivery, task, "revoked"))
                self._record.withdrawn(task)
        return settlements

    def admit_due(self, limited: bool, now: float) -> Admitted:
        """Those that waited here until now. limited: also those that waited for their rate limit."""
        epoch = time.time()
        admitted = Admitted([], [], [])
        for reservation in self._nearly_due.due(epoch):
            self._admit_in_turn(reservation, False, admitted, epoch, now)
        if limited:
            for reservation in self._limits.due(now):
                self._admit_now(reservation, admitted, epoch)
        return admitted

    def _admit_in_turn(
        self, entry: Reservation, held: bool, admitted: Admitted, epoch: float, now: float
    ) -> None:
        """It is due; if its task has a rate limit, its turn is when that allows it."""
        expires = entry.task.expires
        most = float("inf") if expires is None else max(expires - epoch, 0.001)
        wait = self._limits.wait(entry, held, most, now)
        if wait is None:
            self._admit_now(entry, admitted, epoch)
        elif wait:
            admitted.far.append((self._ledger.strike(entry.id).tag, epoch + wait))

    def _admit_now(self, entry: Reservation, admitted: Admitted, epoch: float) -> None:
        """Unless it has expired while it waited here."""
        task = entry.task
        if task.expires is None or task.expires > epoch:
            admitted.ready.append(entry)
            return
        self._ledger.strike(entry.id)
        delivery = Delivery(entry.tag, entry.queue, entry.message)
        admitted.settlements.append(self._settler.revoked(delivery, task, "expired"))
        self._record.expired(task)
