"""The listening side: what workers and clients say of themselves and of tasks (PROTOCOL 13.1)."""

from __future__ import annotations

import select
import time
from types import TracebackType
from typing import Self
from uuid import uuid4

from brokers.envelope import MalformedMessage
from brokers.interface import Binding, BrokerError
from brokers.registry import open_mailbox
from runtime.events import message
from runtime.events.event import Event
from runtime.settings import Settings


class Listener:
    """Hears all events once it is connected. One thread. `receive` connects it, and anew when it must."""

    def __init__(self, conf: Settings, binding_key: str = "#") -> None:
        """binding_key: `worker.#` or `task.#`: only these."""
        binding = Binding(conf.event_exchange, binding_key, f"{conf.event_queue_prefix}.{uuid4()}")
        self._mailbox = open_mailbox(conf.broker_url, conf.broker_transport_options, bindings=[binding])
        self._poller = select.poll()
        self._poller.register(self._mailbox.fileno(), select.POLLIN)
        self._problem: BrokerError | None = None
        self.connections = 0
        """How many have been made."""
        self.missed = 0
        """Messages, with one event or many, that came too fast or made no sense."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mailbox.close(timeout=0.5)

    def fileno(self) -> int:
        """Readable when `receive` has something."""
        return self._mailbox.fileno()

    def receive(self, timeout: float) -> list[Event]:
        """What has been heard, in order; waits up to `timeout` seconds for something."""
        until = time.monotonic() + timeout
        while True:
            wait = min(until, self._mailbox.next_deadline()) - time.monotonic()
            self._poller.poll(max(wait, 0) * 1000)
            events = self._hear(time.monotonic())
            if events or time.monotonic() >= until:
                return events

    def take_problem(self) -> BrokerError | None:
        """What has broken the connection, or an attempt to make one, since this was asked last."""
        problem, self._problem = self._problem, None
        return problem

    def _hear(self, now: float) -> list[Event]:
        heard = self._mailbox.receive(now)
        self.missed += heard.unheard
        self.connections += heard.connected
        if heard.problem is not None:
            self._problem = heard.problem
        events = []
        for broadcast in heard.broadcasts:
            try:
                events += message.read(broadcast.message)
            except MalformedMessage:
                self.missed += 1
        return events
