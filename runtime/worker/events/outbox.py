"""Events that are still to be said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import inf

from brokers.interface import Mailbox, Settlement
from runtime.events import message
from runtime.events.event import Event

logger = logging.getLogger("runtime.worker")

MOST = 20_000
"""Task events that wait here while there is no connection."""
BATCH = 100
"""Task events in one message. Celery's workers have 24; more are cheaper for the server and for us."""
FOR_REPLIES = 1 << 20
"""Bytes of the mailbox's room that are left to the answers of remote control."""
GATHER = 0.02
"""Seconds for which task events gather after others were said: a message costs as much as several of them."""
ENOUGH = 1000
"""Task events that wait no longer."""
TELL_EVERY = 10.0
"""Seconds between log lines about what was dropped."""


class Outbox:
    """Filled wherever something happens, emptied once in a turn. Supervisor's loop only."""

    def __init__(self, exchange: str) -> None:
        """exchange: the setting `event_exchange`."""
        self.exchange = exchange
        self._single: list[Event] = []
        self._tasks: list[Event] = []
        self.dropped = 0
        """Task events that found no room, here or at the server."""

    def __bool__(self) -> bool:
        return bool(self._single or self._tasks)

    def is_urgent(self) -> bool:
        """Whether it should be emptied at once."""
        return bool(self._single) or len(self._tasks) >= ENOUGH

    def add(self, event: Event) -> None:
        """Of a worker: said in a message of its own."""
        self._single.append(event)

    def add_task(self, event: Event) -> None:
        if len(self._tasks) < MOST:
            self._tasks.append(event)
        else:
            self.dropped += 1

    def post(self, mailbox: Mailbox) -> None:
        """Say everything."""
        single, self._single = self._single, []
        for event in single:
            key = message.routing_key(event["type"])
            mailbox.broadcast(self.exchange, key, message.write(event, self.exchange, key))
        tasks, self._tasks = self._tasks, []
        for start in range(0, len(tasks), BATCH):
            self._say_tasks(mailbox, tasks[start : start + BATCH])

    def _say_tasks(self, mailbox: Mailbox, batch: Sequence[Event]) -> None:
        room = mailbox.room() - FOR_REPLIES
        written = message.write(batch, self.exchange, message.TASKS) if room > 0 else b""
        if 0 < len(written) <= room:
            mailbox.broadcast(self.exchange, message.TASKS, written)
        else:
            self.dropped += len(batch)


class Posting:
    """An attendant: empties the outbox, at most once in a turn."""

    def __init__(self, outbox: Outbox, mailbox: Mailbox) -> None:
        self._outbox = outbox
        self._mailbox = mailbox
        self._next = -inf
        """When task events have gathered for long enough."""
        self._told = outbox.dropped
        self._tell_at = -inf

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        if not self._outbox:
            return inf
        return -inf if self._outbox.is_urgent() else self._next

    def attend(self, now: float) -> Sequence[Settlement]:
        self._next = now + GATHER
        self._outbox.post(self._mailbox)
        if self._outbox.dropped > self._told and now >= self._tell_at:
            self._tell_at = now + TELL_EVERY
            logger.warning(
                "Events: the broker is too slow for them, or away; dropped %d (%d so far)",
                self._outbox.dropped - self._told,
                self._outbox.dropped,
            )
            self._told = self._outbox.dropped
        return ()
