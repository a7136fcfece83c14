"""Every message in this worker's care, from its intake until its settlement is handed over."""

from __future__ import annotations

from collections.abc import Iterator
from signal import Signals

from runtime.execution.manifest import TaskOptions
from runtime.protocol.task_message import TaskMessage


class Reservation:
    """One message in our care. Owned by the ledger; each field says who writes it."""

    __slots__ = (
        "id",
        "message",
        "options",
        "pid",
        "queue",
        "ready_at",
        "received",
        "started",
        "tag",
        "task",
        "terminated",
    )

    def __init__(
        self, id: int, tag: str, queue: str, message: bytes, task: TaskMessage, options: TaskOptions
    ) -> None:
        self.id = id
        """The job's id in the pool."""
        self.tag = tag
        """Its tag in unacked storage; empty once acknowledged (settle)."""
        self.queue = queue
        self.message = message
        """The envelope as received: what the child runs, what goes back into the queue."""
        self.task = task
        self.options = options
        self.received = 0.0
        """time.monotonic() of its arrival (supervisor)."""
        self.ready_at = 0.0
        """time.monotonic() since which it waits for a slot (dispatcher)."""
        self.started: float | None = None
        """time.monotonic() at which a child began it (ledger)."""
        self.pid: int | None = None
        """Of that child (ledger)."""
        self.terminated: Signals | None = None
        """The signal by which it is to end because somebody has told us so (commands)."""


class Ledger:
    def __init__(self) -> None:
        self._reservations: dict[int, Reservation] = {}
        self._last = 0
        self.theirs: set[int] = set()
        """Jobs whose messages others have since we were evicted: to be killed."""
        self.totals: dict[str, int] = {}
        """Task name → how many have begun."""

    def __len__(self) -> int:
        return len(self._reservations)

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._reservations.values())

    def __getitem__(self, job: int) -> Reservation:
        return self._reservations[job]

    def __contains__(self, job: int) -> bool:
        return job in self._reservations

    def enter(
        self, tag: str, queue: str, message: bytes, task: TaskMessage, options: TaskOptions
    ) -> Reservation:
        self._last += 1
        reservation = Reservation(self._last, tag, queue, message, task, options)
        self._reservations[self._last] = reservation
        return reservation

    def begin(self, job: int, at: float, pid: int) -> Reservation:
        """A child has begun it at `at` (time.monotonic())."""
        reservation = self._reservations[job]
        reservation.started, reservation.pid = at, pid
        name = reservation.task.name
        self.totals[name] = self.totals.get(name, 0) + 1
        return reservation

    def strike(self, job: int) -> Reservation:
        """Take it out: its settlement is on its way."""
        return self._reservations.pop(job)

    def leave_to_others(self) -> int:
        """We were evicted: all that is not acknowledged here is in the care of others. How many."""
        self.theirs = {reservation.id for reservation in self if reservation.tag}
        return len(self.theirs)

    def still_theirs(self) -> set[int]:
        """Those of `theirs` that have not ended here."""
        self.theirs = {job for job in self.theirs if job in self}
        return self.theirs
