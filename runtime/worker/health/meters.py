"""What a worker counts. This one counts nothing: it is what a worker without `--http` has."""

from __future__ import annotations

from collections.abc import Sequence

from brokers.interface import Settlement
from runtime.worker.ledger import Reservation
from runtime.worker.pipeline.verdict import Verdict


class Meters:
    """Written by the supervisor, beside its journal. Seconds everywhere."""

    def turned(self, seconds: float) -> None:
        """A turn of the loop, from the end of its wait on: nobody has waited longer than that for it."""

    def ended(self, reservation: Reservation, state: str, at: float) -> None:
        """A task is over. state: of `runtime.execution.report`, or `TIMED_OUT`, `LOST`. at:
        time.monotonic()."""

    def lost(self, reservation: Reservation, verdict: Verdict, at: float) -> None:
        """Its child died: an end, or to be run again."""

    def refused(self) -> None:
        """A message ended at its intake."""

    def restored(self, messages: int) -> None:
        """Messages of dead workers, put back into their queues."""

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """Handed to the broker."""

    def fenced(self, settlements: int) -> None:
        """Came too late."""

    def reconnected(self) -> None: ...

    def unspoken(self, unheard: int, unsaid: int) -> None:
        """Messages of remote control and events that found no room, from others and of ours."""
