"""Takes out of the worker what is not to be run any more."""

from __future__ import annotations

import time
from collections.abc import Callable

from brokers.interface import Delivery, Settlement
from runtime.execution.chords import is_join
from runtime.protocol.task_message import TaskMessage
from runtime.worker.core import Core
from runtime.worker.ledger import Reservation


def withdraw(core: Core, is_meant: Callable[[TaskMessage], bool]) -> list[Settlement]:
    """Tasks that have not begun here are revoked, wherever they wait: their results say so."""

    def meant(reservation: Reservation) -> bool:
        return is_meant(reservation.task) and not is_join(reservation.task)

    now = time.monotonic()
    withdrawn = [
        *core.dispatcher.withdraw(meant, now),
        *core.limits.withdraw(meant, now),
        *core.nearly_due.withdraw(meant),
    ]
    settlements = []
    for reservation in withdrawn:
        core.ledger.strike(reservation.id)
        delivery = Delivery(reservation.tag, reservation.queue, reservation.message)
        settlements.append(core.settler.revoked(delivery, reservation.task, "revoked"))
        core.record.withdrawn(reservation.task)
    return settlements
