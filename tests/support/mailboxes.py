"""Drives a mailbox as the supervisor's loop does."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from brokers.interface import Broadcast, BrokerError, Mailbox
from tests.support.waiting import wait_until


class DrivenMailbox:
    """A mailbox and all that it has heard. A context manager: it is entered once it is connected, and leaving
    it closes the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.broadcasts: list[Broadcast] = []
        self.collected: list[bytes] = []
        self.refused: list[str] = []
        self.problems: list[BrokerError] = []
        self.unheard = self.unsaid = self.connected = 0

    def __enter__(self) -> Self:
        self.until(lambda: self.connected)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.mailbox.close(1)

    def turn(self, timeout: float = 0.0) -> None:
        """Wait until something can be read or is due, then receive."""
        poller = select.poll()
        poller.register(self.mailbox.fileno(), select.POLLIN)
        wait = min(timeout, self.mailbox.next_deadline() - time.monotonic())
        poller.poll(max(wait, 0) * 1000)
        heard = self.mailbox.receive(time.monotonic())
        self.broadcasts += heard.broadcasts
        self.collected += heard.collected
        self.refused += heard.refused
        self.unheard += heard.unheard
        self.unsaid += heard.unsaid
        self.connected += heard.connected
        if heard.problem is not None:
            self.problems.append(heard.problem)

    def until(self, condition: Callable[[], object]) -> None:
        """Turn until the condition is true."""

        def turned() -> object:
            self.turn(0.05)
            return condition()

        wait_until(turned, 10, interval=0)
