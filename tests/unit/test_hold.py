"""Messages that are nearly due (`runtime.worker.pipeline.hold`)."""

from __future__ import annotations

from runtime.execution.manifest import TaskOptions
from runtime.protocol.task_message import TaskMessage
from runtime.worker.ledger import Ledger, Reservation
from runtime.worker.pipeline.hold import NearlyDue


def held(*dues: float) -> tuple[NearlyDue, list[Reservation]]:
    ledger, nearly_due = Ledger(), NearlyDue()
    reservations = []
    for due in dues:
        reservations.append(ledger.enter("tag", "queue", b"", TaskMessage(), TaskOptions("t")))
        nearly_due.add(due, reservations[-1])
    return nearly_due, reservations


def test_they_come_out_when_they_are_due_the_earliest_first() -> None:
    nearly_due, (late, early, later) = held(20, 10, 30)
    assert nearly_due.next_due() == 10
    assert nearly_due.due(20) == [early, late]
    assert list(nearly_due) == [later]


def test_some_are_withdrawn_and_the_others_keep_their_order() -> None:
    nearly_due, reservations = held(50, 10, 40, 20, 30)
    odd = nearly_due.withdraw(lambda reservation: reservation.id % 2 == 1)
    assert sorted(each.id for each in odd) == [1, 3, 5]
    assert nearly_due.due(100) == [reservations[1], reservations[3]]
    assert nearly_due.withdraw(lambda reservation: True) == []
