"""Hears commands, has them obeyed, and answers."""

from __future__ import annotations

import logging
import select
import time
from math import inf
from typing import Any, NamedTuple

from brokers.envelope import MalformedMessage
from brokers.interface import Held, Settlement
from runtime.errors import EncodeError
from runtime.remote import command as commands
from runtime.remote import reply
from runtime.remote.command import Command
from runtime.worker.code import Code
from runtime.worker.commands.all import COMMANDS
from runtime.worker.commands.custom import CustomCommands
from runtime.worker.commands.view import WorkerView
from runtime.worker.inquiry import Inquiry
from runtime.worker.mail import Mail

logger = logging.getLogger("runtime.worker")

HELD_SHOWN = 1000
"""Messages held by the broker that one answer tells of, at most."""
HELD_PATIENCE = 2.0
"""Seconds to wait for the broker to tell what it holds."""
MOST_WAITING = 100
"""Commands that may wait for that."""


class _Waiting(NamedTuple):
    command: Command
    until: float


class Panel:
    """An attendant."""

    def __init__(self, mail: Mail, view: WorkerView, code: Code, inquiry: Inquiry) -> None:
        self._mail = mail
        self._exchange = commands.exchange(view.app.conf.control_exchange)
        self._view = view
        self._code = code
        self._inquiry = inquiry
        self._loads = 0
        """Of the code whose custom commands we know."""
        self._waiting: list[_Waiting] = []
        """For what the broker holds."""
        self._custom = CustomCommands(view.plan.options)
        self._poller = select.epoll()

    def fileno(self) -> int:
        return self._poller.fileno()

    def next_deadline(self) -> float:
        """time.monotonic() seconds; inf: no need."""
        if self._code.loads != self._loads or self._inquiry.held is not None:
            return -inf
        if self._mail.waits(self._exchange):
            return -inf
        return min(self._custom.next_deadline(), *(each.until for each in self._waiting), inf)

    def attend(self, now: float) -> list[Settlement]:
        """All that was heard. What is to be settled because of it."""
        if self._code.loads != self._loads:
            self._learn()
        held = self._inquiry.take_held()
        if held is not None:
            self._told(held)
        for message in self._mail.take(self._exchange):
            self._hear(message, now)
        for answer in self._custom.receive(now):
            self._answer(*answer)
        self._give_up(now)
        return self._view.take_settlements()

    def close(self) -> None:
        """The mail is not ours to close."""
        self._custom.close()
        self._poller.close()

    def _learn(self) -> None:
        """The custom commands of the children's code."""
        self._loads = self._code.loads
        pool = self._custom.loaded(self._code.commands)
        if pool is not None:
            self._poller.register(pool.fileno(), select.EPOLLIN)

    def _told(self, held: list[Held]) -> None:
        """What the broker holds, to those who wait for it."""
        waiting, self._waiting = self._waiting, []
        self._view.held = held
        for command, _ in waiting:
            self._execute(command)
        self._view.held = []

    def _hear(self, message: bytes, now: float) -> None:
        try:
            command = commands.read(message)
        except MalformedMessage as error:
            logger.error("Remote control: a command that makes no sense: %s", error)
            return
        clock = self._view.clock
        clock.tick()
        clock.heed(command.clock)
        if not command.is_for(self._view.node):
            return
        if command.is_late(time.time()):
            logger.warning("Remote control: %s came too late", command.method)
        elif command.method in COMMANDS and COMMANDS.find(command.method).needs_held:
            self._ask_broker(command, now)
        elif command.method in self._custom and command.method not in COMMANDS:
            for answer in self._custom.add(command):
                self._answer(*answer)
        else:
            self._execute(command)

    def _ask_broker(self, command: Command, now: float) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._answer(command, {"error": f"{MOST_WAITING} commands wait for the broker already"})
            return
        self._waiting.append(_Waiting(command, now + HELD_PATIENCE))
        self._inquiry.look(HELD_SHOWN)

    def _execute(self, command: Command) -> None:
        logger.debug("Remote control: %s(%s)", command.method, command.arguments)
        try:
            entry = COMMANDS.find(command.method)
            value = entry.function(self._view, **entry.known(command.arguments))
            if not entry.answers:
                return
        except Exception as error:  # noqa: BLE001  (whatever arguments came over the wire)
            logger.error("Remote control: %s failed: %r", command.method, error)
            value = {"error": repr(error)}
        self._answer(command, value)

    def _give_up(self, now: float) -> None:
        while self._waiting and now >= self._waiting[0].until:
            self._answer(self._waiting.pop(0).command, {"error": "the broker does not tell what it holds"})

    def _answer(self, command: Command, value: Any) -> None:
        if command.reply_to is None:
            return
        node, clock = self._view.node, self._view.clock.tick()
        try:
            message = reply.write(command, node, value, clock)
        except EncodeError as error:
            message = reply.write(command, node, {"error": repr(error)}, clock)
        self._mail.mailbox.reply(command.reply_to.exchange, command.reply_to.routing_key, message)
