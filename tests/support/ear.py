"""Hears what workers and clients tell by events."""

from __future__ import annotations

from typing import Any

from runtime import App
from runtime.events.event import Event
from runtime.events.listener import Listener
from tests.support.waiting import wait_until

OF_CLIENT = ("task-sent",)


class Ear:
    """All events since it was made."""

    def __init__(self, app: App) -> None:
        self.events: list[Event] = []
        self._listener = Listener(app.conf)
        self.until(lambda: self._listener.connections)

    def until(self, condition: Any) -> Any:
        def turned() -> Any:
            self.events += self._listener.receive(0.01)
            return condition()

        return wait_until(turned, 15, interval=0)

    def of(self, uuid: str) -> list[Event]:
        """In the order in which they happened."""
        found = [each for each in self.events if each.get("uuid") == uuid and each["type"] not in OF_CLIENT]
        return sorted(found, key=lambda each: each["timestamp"])

    def types(self, uuid: str) -> list[str]:
        return [each["type"] for each in self.of(uuid)]

    def workers(self, node: str, type: str = "worker-heartbeat") -> list[Event]:
        return [each for each in self.events if each["hostname"] == node and each["type"] == type]

    def close(self) -> None:
        self._listener.__exit__(None, None, None)
