"""Hears what other workers say of themselves: keeps the logical clock, and knows who is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from brokers.envelope import MalformedMessage
from brokers.interface import Binding, Settlement
from runtime.events import message
from runtime.events.event import Event, Origin
from runtime.worker.events.election import Candidate, Elections
from runtime.worker.events.outbox import Outbox
from runtime.worker.events.peers import PATIENCE, Peers
from runtime.worker.mail import Mail

if TYPE_CHECKING:
    from runtime.app.app import App

logger = logging.getLogger("runtime.worker")

BUDGET = 10.0
"""Heartbeats that are heard in a second, on average, however many workers there are."""


def pause(rate: float, window: float) -> float:
    """Seconds not to listen after having listened for `window`, where so many are said in a second: so that
    all workers together are not told the square of their number."""
    return window * max(0.0, rate / BUDGET - 1)


class Gossip:
    """An attendant. Listens for a while, in which each worker that lives must be heard, then pauses."""

    def __init__(
        self, app: App, mail: Mail, outbox: Outbox, origin: Origin, elections: Elections, now: float
    ) -> None:
        self.peers = Peers()
        self._app = app
        self._elections = elections
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
        if self._mail.waits(self._exchange) or self._elections.is_to_be_held():
            return -inf
        return self._until

    def attend(self, now: float) -> Sequence[Settlement]:
        settlements: list[Settlement] = []
        for heard in self._mail.take(self._exchange):
            settlements += self._hear(heard, now)
        if self._elections.is_to_be_held():
            self._stand(now)
        if now >= self._until:
            self._turn_over(now)
        return settlements

    def stop(self) -> None:
        self._pause(inf)

    def _hear(self, heard: bytes, now: float) -> list[Settlement]:
        try:
            events = message.read(heard)
        except MalformedMessage as error:
            logger.error("Gossip: an event that makes no sense: %s", error)
            return []
        settlements: list[Settlement] = []
        for event in events:
            if event["hostname"] != self._node:
                self._heed(event, now)
            if event["type"] in ("worker-elect", "worker-elect-ack") and isinstance(event.get("id"), str):
                settlements += self._heed_election(event["id"], event)
        return settlements

    def _heed(self, event: Event, now: float) -> None:
        node = event["hostname"]
        clock = event.get("clock")
        if type(clock) is int:
            self._origin.clock.heed(clock)
        if event["type"] == "worker-offline":
            if self.peers.left(node):
                logger.debug("Gossip: %s has left", node)
        elif event["type"].startswith("worker-") and self.peers.alive(node, event.get("freq"), now):
            logger.debug("Gossip: %s is there", node)

    def _stand(self, now: float) -> None:
        """In the elections that we are told to hold."""
        self._listen(now)
        for id, topic, action in self._elections.take():
            fields = {"id": id, "topic": topic, "action": action, "cver": 1}
            self._outbox.add(self._origin.event("worker-elect", now, fields))

    def _heed_election(self, id: str, event: Event) -> list[Settlement]:
        """What is said in it, by us too. What is to be done if we have won."""
        node = event["hostname"]
        if event["type"] == "worker-elect":
            self._elections.stands(id, _candidate(event))
            if node != self._node:
                # Not our own, as Celery does: a worker of its that has not heard of itself ends by that.
                self._outbox.add(self._origin.event("worker-elect-ack", time.monotonic(), {"id": id}))
        else:
            self._elections.acknowledged(id, node)
        winner = self._elections.winner(id, self.peers.names())
        if winner is None:
            return []
        if not self._elections.is_us(winner):
            logger.info("Election %s: %s has won", id, winner.process)
            return []
        logger.info("Election %s: this worker has won", id)
        return self._act(id, winner)

    def _act(self, id: str, winner: Candidate) -> list[Settlement]:
        """Send the task that is the action; there is no other topic."""
        try:
            if winner.topic != "task":
                raise ValueError(f"topic must be 'task', not {winner.topic!r:.100}")
            messages = self._app.messages(winner.action)
        except Exception as error:  # noqa: BLE001  (whatever came over the wire, and the hooks of who sends)
            logger.error("Election %s: what is to be done makes no sense: %r", id, error)
            return []
        return [Settlement("", pushes=messages.pushes, chords=messages.chords)]

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


def _candidate(event: Event) -> Candidate:
    clock = event.get("clock")
    return Candidate(
        clock if type(clock) is int else 0,
        f"{event['hostname']}.{event.get('pid')}",
        str(event.get("topic")),
        event.get("action"),
    )
