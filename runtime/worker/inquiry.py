"""What is asked of the broker beside messages: carried there and back by the loop."""

from __future__ import annotations

from collections.abc import Iterable

from brokers.interface import Backlog, Consumer, Held, Received


class Inquiry:
    """Who asks finds the answer here in some later turn, and takes it away; perhaps there is none."""

    def __init__(self) -> None:
        self.backlog: Backlog | None = None
        """How much waits there. For the probes."""
        self.held: list[Held] | None = None
        """What is kept there until it is due. For remote control."""
        self._measures = False
        self._looks_for = 0
        self._texts: set[str] = set()

    def measure(self) -> None:
        """Ask for the backlog."""
        self._measures = True

    def look(self, most: int) -> None:
        """Ask for so many of those that are held."""
        self._looks_for = max(most, self._looks_for)

    def seek(self, texts: Iterable[str]) -> None:
        """Ask for those that are held and have one of these texts. The loop takes the answer."""
        self._texts.update(texts)

    def ask(self, broker: Consumer) -> None:
        if self._measures:
            self._measures = False
            broker.measure()
        if self._looks_for:
            most, self._looks_for = self._looks_for, 0
            broker.look(most)
        if self._texts:
            texts, self._texts = self._texts, set()
            broker.seek(texts)

    def answered(self, received: Received) -> None:
        if received.backlog is not None:
            self.backlog = received.backlog
        if received.held is not None:
            self.held = received.held

    def take_backlog(self) -> Backlog | None:
        backlog, self.backlog = self.backlog, None
        return backlog

    def take_held(self) -> list[Held] | None:
        held, self.held = self.held, None
        return held
