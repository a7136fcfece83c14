"""Gathers what the screen shows, in two threads: one listens to events, one asks the workers."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from brokers.interface import BrokerError
from brokers.registry import open_publisher
from runtime.events.event import Event
from runtime.events.listener import Listener

if TYPE_CHECKING:
    from brokers.interface import Publisher
    from runtime.app.app import App

ASK_EVERY = 2.0
"""Seconds between two questions to all workers."""
TURN = 0.2
"""Seconds after which a thread sees at the latest that it is to end."""


class Facts(NamedTuple):
    """What events do not tell."""

    slots: dict[str, int]
    """Node → tasks that it can run at once."""
    queues: dict[str, list[str]]
    """Node → queues that it takes from."""
    lengths: dict[str, int]
    """Queue → messages that wait there."""
    problem: str
    """Why nothing is known; empty: it is."""


class Watch:
    """Started when it is made. `take` never blocks."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._events: SimpleQueue[list[Event]] = SimpleQueue()
        self._ended = Flag()
        self.facts = Facts({}, {}, {}, "")
        """The newest; replaced, never changed."""
        self._threads = [Thread(target=each, daemon=True) for each in (self._listen, self._ask)]
        for thread in self._threads:
            thread.start()

    def take(self) -> list[Event]:
        """What was heard since."""
        events: list[Event] = []
        try:
            while True:
                events += self._events.get_nowait()
        except Empty:
            return events

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=ASK_EVERY)

    def _listen(self) -> None:
        with Listener(self._app.conf) as listener:
            greeted = 0
            while not self._ended.is_set():
                events = listener.receive(TURN)
                if events:
                    self._events.put(events)
                if listener.connections > greeted:
                    greeted = listener.connections
                    self._quietly(self._app.control.heartbeat)  # all say at once that they are there

    def _ask(self) -> None:
        publisher = open_publisher(self._app.conf.broker_url, self._app.conf.broker_transport_options)
        while not self._ended.is_set():
            asked = time.monotonic()
            try:
                self.facts = self._facts(publisher)
            except BrokerError as error:
                self.facts = self.facts._replace(problem=str(error))
            self._ended.wait(max(TURN, asked + ASK_EVERY - time.monotonic()))
        publisher.close()

    def _facts(self, publisher: Publisher) -> Facts:
        inspect = self._app.control.inspect(timeout=1.0)
        stats, queues = inspect.stats() or {}, inspect.active_queues() or {}
        slots = {node: _slots(answer) for node, answer in stats.items()}
        names = {node: [str(each["name"]) for each in answer] for node, answer in queues.items()}
        every = sorted({queue for each in names.values() for queue in each})
        lengths = {queue: publisher.length(queue) for queue in every}
        return Facts(slots, names, lengths, "")

    def _quietly(self, tell: Any) -> None:
        try:
            tell()
        except BrokerError as error:
            self.facts = self.facts._replace(problem=str(error))


def _slots(stats: Any) -> int:
    try:
        return int(stats["pool"]["max-concurrency"])
    except (KeyError, TypeError, ValueError):
        return 0
