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
from runtime.protocol import task_message
from runtime.worker.health.meters import Meters
from runtime.worker.journal import Journal
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.pipeline.hold import NEAR, NearlyDue
from runtime.worker.pipeline.settle import Settler
from runtime.worker.pipeline.verdict import is_worn_out
from runtime.worker.revoked import Revoked


class Refused:
    """A delivery that ends at once, and why."""

    __slots__ = ("reason", "settlement")

    def __init__(self, settlement: Settlement, reason: str) -> None:
        self.settlement = settlement
        self.reason = reason


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
        return Refused(settler.unreadable(delivery, str(error)), f"malformed message: {error}")
    except Exception as error:  # noqa: BLE001  (one message must not stop the worker, and the next one after it)
        return Refused(settler.unreadable(delivery, repr(error)), f"unreadable message: {error!r}")
    options = manifest.get(task.name)
    if options is None:
        return Refused(settler.unknown(delivery, task), f"unknown task {task.name!r}, id {task.id}")
    if task.expires is not None and task.expires <= epoch:
        return Refused(settler.revoked(delivery, task, "expired"), f"task {task.name}[{task.id}] has expired")
    if revoked and task in revoked and not is_join(task):
        return Refused(settler.revoked(delivery, task, "revoked"), f"task {task.name}[{task.id}] was revoked")
    if is_worn_out(envelope.restores(task.properties), settler.max_restores):
        never_entered = Reservation(0, delivery.tag, delivery.queue, delivery.message, task, options)
        reason = f"task {task.name}[{task.id}] was with more than {settler.max_restores} workers that died"
        return Refused(settler.worn_out(never_entered), reason)
    return ledger.enter(delivery.tag, delivery.queue, delivery.message, task, options)


class Admitted(NamedTuple):
    """What became of deliveries, but for those that wait here until they are due."""

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
        settler: Settler,
        revoked: Revoked,
        journal: Journal,
        meters: Meters,
    ) -> None:
        self._ledger = ledger
        self._revoked = revoked
        self._nearly_due = nearly_due
        self._settler = settler
        self._journal = journal
        self._meters = meters

    def admit(self, deliveries: Sequence[Delivery], manifest: Manifest, now: float) -> Admitted:
        """now: time.monotonic()."""
        epoch = time.time()
        admitted = Admitted([], [], [])
        for delivery in deliveries:
            entry = admit(delivery, manifest, self._ledger, self._settler, self._revoked, epoch)
            if isinstance(entry, Refused):
                admitted.settlements.append(entry.settlement)
                self._journal.refused(entry.reason)
                self._meters.refused()
                continue
            entry.received = now
            if self._journal.tells_all and not delivery.held:
                self._journal.received(entry)
            eta = entry.task.eta
            if eta is None or eta <= epoch:
                admitted.ready.append(entry)
            elif delivery.held or eta <= epoch + NEAR:
                self._nearly_due.add(eta, entry)
            else:
                admitted.far.append((self._ledger.strike(entry.id).tag, eta))
        return admitted
