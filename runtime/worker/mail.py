"""What this worker hears beside messages, sorted by exchange."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from brokers.interface import Mailbox, Settlement
from runtime.worker.health.meters import Meters

logger = logging.getLogger("runtime.worker")


class Mail:
    """An attendant that comes before all who listen. They find here what was heard in this turn of the loop,
    and take it; what nobody takes is forgotten in the next."""

    def __init__(self, mailbox: Mailbox, meters: Meters) -> None:
        self.mailbox = mailbox
        """To say something, and to bind what is to be heard; only `attend` receives."""
        self._meters = meters
        self._heard: dict[str, list[bytes]] = {}
        self._collected: list[bytes] = []
        self.connections = 0
        """How many have been made so far."""
        self._refused = ""
        """What was refused last, and told: a right that we do not have is missing with each heartbeat."""
        self.is_cut_off = False
        """A connection was lost, or could not be made, and there is none yet."""

    def fileno(self) -> int:
        return self.mailbox.fileno()

    def next_deadline(self) -> float:
        return self.mailbox.next_deadline()

    def attend(self, now: float) -> Sequence[Settlement]:
        heard = self.mailbox.receive(now)
        self._heard = {}
        for exchange, message in heard.broadcasts:
            self._heard.setdefault(exchange, []).append(message)
        self._collected = heard.collected
        self.connections += heard.connected
        if heard.problem is not None and not self.is_cut_off:
            # It fails and returns with the consumer's connection: one line is enough.
            logger.warning("Remote control and events are cut off: %s", heard.problem)
        self.is_cut_off = not heard.connected and (self.is_cut_off or heard.problem is not None)
        self._meters.unspoken(heard.unheard, heard.unsaid)
        refused = [text for text in heard.refused if text != self._refused]
        if heard.unheard or heard.unsaid or refused:
            logger.warning(
                "Remote control and events: %d messages unheard, %d unsaid, refused: %s",
                heard.unheard, heard.unsaid, refused[:3],
            )  # fmt: skip
        if refused:
            self._refused = refused[-1]
        return ()

    def waits(self, exchange: str) -> bool:
        """Whether there is something to take."""
        return exchange in self._heard

    def take(self, exchange: str) -> list[bytes]:
        """What was heard of it, in order."""
        return self._heard.pop(exchange, [])

    def has_collected(self) -> bool:
        return bool(self._collected)

    def take_collected(self) -> list[bytes]:
        """See `Mailbox.collect`."""
        collected, self._collected = self._collected, []
        return collected
