"""Keeps a connection to one server: notices that it is broken, and has another one made.

Connecting blocks (DNS, TLS, login), so it happens in a short-lived thread of its own; everything
else is done by the thread that owns the link.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import hiredis

from brokers.interface import BrokerError, BrokerUnavailable
from brokers.redis.address import Address
from brokers.redis.connect import connect
from brokers.redis.connection import Connection
from brokers.redis.scripts import Command

ANSWER_TIMEOUT = 5.0
"""Seconds in which nothing moves, while a reply is due, after which the connection counts as dead."""
ATTEMPT_TIMEOUT = 3.0
"""Seconds for one attempt; a server that is back should not have to wait for a doomed one."""
LONGEST_PAUSE = 2.0
"""Seconds between attempts, at most."""
STABLE = 10.0
"""Seconds after which a connection has proved good: the next break is met without a pause."""


class Arrivals(NamedTuple):
    replies: Sequence[Any]
    """In the order of the commands. Error replies are hiredis.ReplyError."""
    pushes: Sequence[list[Any]]
    opened: bool
    """A connection has been made: whatever was not answered on the old one never will be."""


class Link:
    """Registers its descriptors in the epoll it is given, and only there."""

    def __init__(self, address: Address, poller: select.epoll, longest_pause: float = LONGEST_PAUSE) -> None:
        """`longest_pause`: seconds between attempts to connect, at most."""
        self.address = address
        self._longest_pause = min(longest_pause, LONGEST_PAUSE)
        self._poller = poller
        self._connection: Connection | None = None
        self._attempt: _Attempt | None = None
        self._problem: BrokerError | None = None
        self._opened_at = float("-inf")
        self._retry_at = float("-inf")
        self._failures = 0
        self._unanswered = 0
        self._silent_since = 0.0
        """When something last moved, or began to be due."""
        self._arrived: float | None = None
        """`Connection.arrived` in the middle of the present silence."""
        self._writing = False

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self, greeting: Sequence[Command], timeout: float) -> None:
        """The first connection, in this thread. Raises BrokerUnavailable or BrokerRefused."""
        self._use(connect(self.address, greeting, timeout), time.monotonic())

    def send(self, packed: bytes) -> None:
        """One packed command; forgotten if there is no connection."""
        if self._connection is None:
            return
        if self._unanswered == 0:
            self._stir(time.monotonic())
        self._unanswered += 1
        try:
            self._connection.send(packed)
        except OSError as error:
            self._lose(error)
        self._watch()

    def receive(self, now: float) -> Arrivals:
        """What has come. `problem` tells whether it broke meanwhile."""
        opened = self._attempt is not None and self._take_over(self._attempt, now)
        if self._connection is None:
            return Arrivals((), (), False)
        before = self._connection.moved
        try:
            self._connection.flush()
            replies, pushes = self._connection.receive()
            self._unanswered -= len(replies)
            if self._connection.moved != before:
                self._stir(now)
            elif self._unanswered:
                self._judge_silence(self._connection, now)
        except (OSError, hiredis.ProtocolError) as error:
            self._lose(error)
            return Arrivals((), (), False)
        self._watch()
        return Arrivals(replies, pushes, opened)

    def fail(self, problem: BrokerError) -> None:
        """Throw the connection away: what came over it says that it is of no use."""
        now = time.monotonic()
        proved_good = self._connection is not None and now - self._opened_at > STABLE
        self._drop()
        self._problem = problem
        self._failures = 0 if proved_good else self._failures + 1
        self._retry_at = now + self._pause()

    def problem(self) -> BrokerError | None:
        """What broke the connection, or the attempt to make one, since this was asked last."""
        problem, self._problem = self._problem, None
        return problem

    def wants_attempt(self, now: float) -> bool:
        """Whether it is time to call `attempt`."""
        return self._connection is None and self._attempt is None and now >= self._retry_at

    def attempt(self, greeting: Sequence[Command]) -> None:
        """Begin to connect anew; `receive` takes the connection over when it is there."""
        try:
            self._attempt = _Attempt(self.address, greeting)
        except (OSError, RuntimeError) as error:  # no descriptor, or no thread, is left
            self._lose(error)
            return
        self._poller.register(self._attempt.fileno(), select.EPOLLIN)

    def next_deadline(self) -> float:
        """When `receive` and `wants_attempt` must be called at the latest, time.monotonic()."""
        if self._problem is not None:
            return float("-inf")
        if self._connection is None:
            return self._retry_at if self._attempt is None else float("inf")
        if not self._unanswered:
            return float("inf")
        return self._silent_since + (ANSWER_TIMEOUT if self._arrived is not None else ANSWER_TIMEOUT / 2)

    def close(self) -> None:
        self._drop()
        if self._attempt is not None:
            self._poller.unregister(self._attempt.fileno())
            self._attempt.abandon()
            self._attempt = None

    def _use(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._opened_at = now
        self._unanswered = 0
        self._writing = False
        self._poller.register(connection.fileno(), select.EPOLLIN)

    def _take_over(self, attempt: _Attempt, now: float) -> bool:
        outcome = attempt.outcome()
        if outcome is None:
            return False
        self._poller.unregister(attempt.fileno())
        attempt.close()
        self._attempt = None
        if isinstance(outcome, BrokerError):
            self.fail(outcome)
            return False
        self._use(outcome, now)
        return True

    def _stir(self, now: float) -> None:
        self._silent_since, self._arrived = now, None

    def _judge_silence(self, connection: Connection, now: float) -> None:
        """Raises TimeoutError, unless what we have sent is still on its way."""
        silence = now - self._silent_since
        if silence < ANSWER_TIMEOUT:
            if self._arrived is None and silence >= ANSWER_TIMEOUT / 2:
                self._arrived = connection.arrived()
        elif self._arrived is not None and connection.arrived() > self._arrived:
            self._stir(now)
        else:
            raise TimeoutError(f"no answer for {ANSWER_TIMEOUT:g} s")

    def _watch(self) -> None:
        """Wait for room in the socket only while there is something to send."""
        if self._connection is not None:
            writing = select.EPOLLOUT if self._connection.unsent() else 0
            if writing or self._writing:
                self._poller.modify(self._connection.fileno(), select.EPOLLIN | writing)
            self._writing = bool(writing)

    def _lose(self, error: Exception) -> None:
        self.fail(BrokerUnavailable(f"{self.address.masked()}: {error}"))

    def _drop(self) -> None:
        if self._connection is not None:
            self._poller.unregister(self._connection.fileno())
            self._connection.close()
            self._connection = None

    def _pause(self) -> float:
        """Doubles, and is spread, so that not all workers come back in the same instant."""
        if self._failures == 0:
            return 0.0
        return float(min(self._longest_pause, 0.05 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0))


class _Attempt:
    """One try to connect, in a thread. Its descriptor becomes readable when there is an outcome."""

    def __init__(self, address: Address, greeting: Sequence[Command]) -> None:
        """Raises OSError and RuntimeError."""
        self._address = address
        self._greeting = greeting
        self._outcome: SimpleQueue[Connection | BrokerError] = SimpleQueue()
        self._abandoned = False
        self._ended, self._end = socket.socketpair()
        try:
            Thread(target=self._run, name="runtime-connect", daemon=True).start()
        except RuntimeError:
            self._ended.close()
            self._end.close()
            raise

    def fileno(self) -> int:
        return self._ended.fileno()

    def outcome(self) -> Connection | BrokerError | None:
        """Handed out once."""
        try:
            return self._outcome.get_nowait()
        except Empty:
            return None

    def close(self) -> None:
        self._ended.close()

    def abandon(self) -> None:
        """Nobody wants its connection any more."""
        self._abandoned = True
        self._discard()
        self.close()

    def _run(self) -> None:
        with self._end:
            try:
                self._outcome.put(connect(self._address, self._greeting, ATTEMPT_TIMEOUT))
            except BrokerError as error:
                self._outcome.put(error)
            # Abandoned before the put: that one found nothing to discard. After: one of both does.
            if self._abandoned:
                self._discard()

    def _discard(self) -> None:
        outcome = self.outcome()
        if isinstance(outcome, Connection):
            outcome.close()
