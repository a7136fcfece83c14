"""One round trip of a redis-py client, on connections beside its pool; what is done when its answer is late.

redis-py's way through its pool, retries and metrics takes more than twice the time (52 µs against 22; 400
against 220 in a process that has slept), and this is what every `delay()` pays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import hiredis
from redis import ConnectionPool, exceptions

from brokers.redis.underway import underway

Command = Sequence[str | bytes]

GRACE = 0.2
"""Seconds for an answer that is on its way, once the server has answered to another connection."""


class Connections:
    """Those that nobody uses now. Safe to use from several threads, and after a fork."""

    def __init__(self, pool: ConnectionPool) -> None:
        """pool: says what they are; none is in it."""
        self._pool = pool
        self._spare: list[Any] = []
        """A list's pop and append are atomic."""
        self._pid = os.getpid()

    def take(self) -> Any:
        """One that is connected."""
        if self._pid != os.getpid():
            self._spare, self._pid = [], os.getpid()
        try:
            return self._spare.pop()
        except IndexError:
            return self.make()

    def make(self) -> Any:
        """One that has just been: the server has answered."""
        # Not the pool's make_connection(): it counts them, and none of ours ever comes back to it.
        connection: Any = self._pool.connection_class(**self._pool.connection_kwargs)
        connection.connect()  # one that connects by itself, when it is used, asks no sentinel
        return connection

    def give(self, connection: Any) -> None:
        self._spare.append(connection)

    def drop(self, connection: Any) -> None:
        """It is of no use; nor are the others: they were made to the same server, and share its fate."""
        connection.disconnect()
        self.close()

    def close(self) -> None:
        while self._spare:
            self._spare.pop().disconnect()


class Exchange:
    """Commands and their answers; several commands are one transaction. Call `attempt` until it answers.

    A server that was only slow carries out whatever it was sent, so what is sent again would be done twice.
    An attempt after a late answer goes on waiting for it: unless the server answers to a new connection, and
    still not to the old one, to which nothing gets either: it is dead. (What is lost with a connection that
    breaks may have been done all the same.)
    """

    def __init__(self, connections: Connections, commands: Sequence[Command]) -> None:
        self._connections = connections
        self._commands = commands
        self._answers: list[Any] = []
        self._late: Any = None
        """The connection that owes answers."""

    def attempt(self) -> list[Any]:
        """The answers. Raises redis-py's exceptions."""
        connection = self._asked()
        try:
            self._read(connection)
        except exceptions.TimeoutError:
            self._late = connection
            raise
        except BaseException:  # an interrupt too leaves an answer unread
            self._connections.drop(connection)
            raise
        self._connections.give(connection)
        return self._answers if len(self._commands) == 1 else list(self._answers[-1])

    def end(self) -> None:
        """There will be no further attempt."""
        if self._late is not None:
            self._connections.drop(self._late)

    def _asked(self) -> Any:
        """The connection on which the answers are to come."""
        if self._late is None:
            connection = self._connections.take()
        else:
            connection = self._connections.make()
            late, self._late = self._late, None
            if _answers(late):
                connection.disconnect()  # kept, each late answer would leave one more
                return late
            self._connections.drop(late)
        try:
            self._send(connection)
        except BaseException:
            self._connections.drop(connection)
            raise
        return connection

    def _send(self, connection: Any) -> None:
        self._answers = []
        if len(self._commands) == 1:
            packed = [hiredis.pack_command(tuple(self._commands[0]))]  # type: ignore[arg-type]  # its stub: tuples of one
        else:
            packed = connection.pack_commands([("MULTI",), *self._commands, ("EXEC",)])
        connection.send_packed_command(packed)

    def _read(self, connection: Any) -> None:
        """The rest of the answers."""
        due = 1 if len(self._commands) == 1 else len(self._commands) + 2
        while len(self._answers) < due:
            self._answers.append(connection.read_response(disconnect_on_error=False))
        if due > 1:
            for answer in self._answers[-1]:
                if isinstance(answer, exceptions.RedisError):
                    raise answer


def _answers(connection: Any) -> bool:
    """Or will in a moment, or what it was sent is still on its way, and arrives."""
    try:
        before = _underway(connection)
        return bool(connection.can_read(GRACE)) or _underway(connection) < before
    except (exceptions.RedisError, OSError):  # it is broken
        return False


def _underway(connection: Any) -> int:
    """As `underway`; 0: there is no socket."""
    sock = connection._sock
    return 0 if sock is None else underway(sock)
