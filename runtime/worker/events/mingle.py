"""What a worker learns of the others when it starts, and whenever it may have missed something: which
tasks are revoked, and their clocks (PROTOCOL 14)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import inf
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from brokers.envelope import MalformedMessage
from brokers.interface import Settlement
from runtime.remote import command as commands
from runtime.remote import reply as replies
from runtime.remote.command import Address, Command
from runtime.worker.core import Core
from runtime.worker.mail import Mail
from runtime.worker.withdraw import withdraw

logger = logging.getLogger("runtime.worker")

LOOKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.2)
"""Seconds after the question at which to look for answers, most of which are there at the first; and at the
last to stop."""


class Mingle:
    """An attendant, for the first second of each connection of the mail. Nobody waits for it: nothing is
    taken while the children load their code, and that takes longer than the answers."""

    def __init__(self, mail: Mail, namespace: str, core: Core) -> None:
        """namespace: the setting `control_exchange`."""
        self._core = core
        self._mail = mail
        self._exchange = commands.exchange(namespace)
        node = core.origin.hostname
        # The same at each start: what one that was killed leaves, the next of that name removes.
        oid = str(uuid5(NAMESPACE_DNS, node))
        self._address = Address(commands.reply_exchange(namespace), oid)
        self._node = node
        self._clock = core.clock
        self._revoked = core.revoked
        self._connection = 0
        """Of the mail's connections, that on which they were asked last."""
        self._looks: list[float] = []
        """When to look, time.monotonic()."""
        self._answered = 0

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        if self._mail.has_collected() or self._is_to_ask():
            return -inf
        return self._looks[0] if self._looks else inf

    def attend(self, now: float) -> Sequence[Settlement]:
        if self._is_to_ask():
            self._connection = self._mail.connections
            self._ask(now)
        learnt: set[str] = set()
        for message in self._mail.take_collected():
            learnt |= self._read(message)
        while self._looks and now >= self._looks[0]:
            self._looks.pop(0)
            if self._looks:
                self._mail.mailbox.collect()
            else:
                self._mail.mailbox.expect_no_more()
                logger.debug("Mingle: %d workers have answered", self._answered)
        return withdraw(self._core, lambda task: task.id in learnt) if learnt else ()

    def stop(self) -> None:
        self._mail.mailbox.expect_no_more()

    def _is_to_ask(self) -> bool:
        """Once for each connection, and not while there is none: all who come back ask all others."""
        return self._connection != self._mail.connections and not self._mail.is_cut_off

    def _ask(self, now: float) -> None:
        self._looks = [now + seconds for seconds in LOOKS]
        arguments = {"from_node": self._node, "revoked": self._revoked.ids()}
        hello = Command(
            "hello",
            arguments,
            ticket=self._address.routing_key,
            reply_to=self._address,
            clock=self._clock.tick(),
        )
        self._mail.mailbox.expect(self._address.exchange, self._address.routing_key)
        self._mail.mailbox.broadcast(self._exchange, "", commands.write(hello))

    def _read(self, message: bytes) -> set[str]:
        """What is learnt from this answer: ids of revoked tasks."""
        try:
            reply = replies.read(message)
        except MalformedMessage as error:
            logger.error("Mingle: an answer that makes no sense: %s", error)
            return set()
        self._clock.heed(reply.clock)
        answers = [answer for node, answer in reply.values.items() if node != self._node]
        return set().union(*(self._learn(answer) for answer in answers if isinstance(answer, dict)))

    def _learn(self, answer: dict[str, Any]) -> set[str]:
        """Ids are an array, or before Celery 5.7 the keys of an object."""
        self._answered += 1
        clock, ids = answer.get("clock"), answer.get("revoked")
        if type(clock) is int:
            self._clock.heed(clock)
        listed = ids if isinstance(ids, list | dict) else ()
        known = {task_id for task_id in listed if isinstance(task_id, str)}
        self._revoked.add(known)
        return known
