"""What hangs on the loop beside the messages: remote control, probes, timers, steps of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from brokers.interface import Settlement


class Attendant(Protocol):
    """Attached to the hub (`runtime.worker.hub`). Single-threaded; no call blocks. One that raises is
    attended no more."""

    def fileno(self) -> int | None:
        """A descriptor that is readable when `attend` has something to do; it never changes. None: it goes by
        time only."""

    def next_deadline(self) -> float:
        """When `attend` must be called at the latest (time.monotonic() seconds; inf: no need). Asked in every
        turn of the loop."""

    def attend(self, now: float) -> Sequence[Settlement]:
        """Do what is due. What is to be settled because of it. `now` is time.monotonic()."""
