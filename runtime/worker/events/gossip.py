"""Hears what other workers say of themselves: keeps the logical clock, and knows who is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from math import inf

from brokers.envelope import MalformedMessage
from brokers.interface import Binding, Settlement
from runtime.events import message
from runtime.events.event import Event, Origin
from runtime.worker.events.outbox import Outbox
from runtime.worker.events.peers import PATIENCE, Peers
from runtime.worker.mail import Mail

logger = logging.getLogger("runtime.worker")

BUDGET = 10.0
"""Heartbeats that are heard in a second, on average, however many workers there are."""


def pause(rate: float, window: float) -> float:
    """Seconds not to listen after having listened for `window`, where so many are said in a second: so that
    all workers together are not told the square of their number."""
    return window * max(0.0, rate / BUDGET - 1)


class Gossip:
    """An attendant. Listens for a while, in which each worker that lives must be heard, then pauses."""

    def __init__(self, mail: Mail, outbox: Outbox, origin: Origin, now: float) -> None:
        self.peers = Peers()
        self._mail = mail
        self._outbox = outbox
        self._exchange = outbox.exchange
        self._origin = origin
        self._node = origin.hostname
        # Its own by its name, not a new one each time: one that is killed leaves it to the next of that name.
        self._binding = Binding(self._exchange, "worker.#", f"celeryev.{self._node}")
        self._connections = 0
        self._listening = False
        self._until = inf
        self._listen(now)

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        """When something was heard: at once."""
        return -inf if self._mail.waits(self._exchange) else self._until

    def attend(self, now: float) -> Sequence[Settlement]:
        for heard in self._mail.take(self._exchange):
            self._hear(heard, now)
        if now >= self._until:
            self._turn_over(now)
        return ()

    def stop(self) -> None:
        self._pause(inf)

    def _hear(self, heard: bytes, now: float) -> None:
        try:
            events = message.read(heard)
        except MalformedMessage as error:
            logger.error("Gossip: an event that makes no sense: %s", error)
            return
        for event in events:
            if event["hostname"] != self._node:
                self._heed(event, now)

    def _heed(self, event: Event, now: float) -> None:
        node = event["hostname"]
        clock = event.get("clock")
        if type(clock) is int:
            self._origin.clock.heed(clock)
        if event["type"] == "worker-elect" and isinstance(event.get("id"), str):
            # Celery's workers hold an election, and wait until all that are there have heard of it. We are no
            # candidate: there is nothing that one of them should do and we could.
            ack = self._origin.event("worker-elect-ack", time.monotonic(), {"id": event["id"]})
            self._outbox.add(ack)
        if event["type"] == "worker-offline":
            if self.peers.left(node):
                logger.debug("Gossip: %s has left", node)
        elif event["type"].startswith("worker-") and self.peers.alive(node, event.get("freq"), now):
            logger.debug("Gossip: %s is there", node)

    def _turn_over(self, now: float) -> None:
        """A while of listening, or of not listening, is over."""
        if not self._listening:
            self._listen(now)
            return
        if self._mail.connections == self._connections:  # else some may have been missed
            for node in self.peers.take_lost(now):
                logger.info("Gossip: missed the heartbeats of %s", node)
        seconds = pause(self.peers.rate(), self._window())
        if seconds:
            self._pause(now + seconds)
        else:
            self._listen(now)

    def _listen(self, now: float) -> None:
        if not self._listening:
            self._mail.mailbox.bind(self._binding)
        self._listening = True
        self._connections = self._mail.connections
        self._until = now + self._window()

    def _pause(self, until: float) -> None:
        if self._listening:
            self._mail.mailbox.unbind(self._binding)
        self._listening = False
        self._until = until

    def _window(self) -> float:
        return (PATIENCE + 0.5) * self.peers.slowest()
