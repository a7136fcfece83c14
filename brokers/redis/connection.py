"""One connection to a Redis server, without ever waiting: bytes out, replies and pushes in."""

from __future__ import annotations

import socket
from math import inf
from typing import Any

import hiredis

from brokers.redis.underway import underway

CHUNK = 1 << 16
"""Bytes read at a time; from 128 KB on each read would cost an mmap."""
CONFIRMATIONS = (b"psubscribe", b"punsubscribe")
"""Pushes that answer a command, which gets no other reply but an error."""


class Connection:
    """After any exception that it raises it is of no use: close it."""

    def __init__(self, sock: socket.socket, reader: hiredis.Reader) -> None:
        """`sock`: non-blocking; `reader`: may hold what was read from it before."""
        self._sock = sock
        self._reader = reader
        self._unsent = bytearray()
        self._given = 0
        """Bytes that the socket has taken."""
        self.moved = 0
        """Bytes that have come, or have gone once the socket had been full: the peer is there. (That the
        socket takes something at once says nothing of it.)"""

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: bytes) -> None:
        """Packed commands; what the socket does not take now goes with `flush`. Raises OSError."""
        if self._unsent:
            self._unsent += data
            return
        sent = self._try_send(data)
        if sent < len(data):
            self._unsent += memoryview(data)[sent:]

    def flush(self) -> None:
        """Raises OSError."""
        if self._unsent:
            sent = self._try_send(self._unsent)
            self.moved += sent
            del self._unsent[:sent]

    def unsent(self) -> bool:
        """Whether `flush` has something to do when the socket can be written to."""
        return bool(self._unsent)

    def arrived(self) -> float:
        """Bytes that have got to the peer's system, about: what counts is that they become more. inf: all;
        what is sent after that arrives there, too, when the server is frozen. Raises OSError."""
        left = underway(self._sock)
        return self._given - left if left else inf

    def receive(self) -> tuple[list[Any], list[list[Any]]]:
        """(replies in the order of their commands, pushes). Error replies are hiredis.ReplyError.

        Raises OSError, also when the server has closed, and hiredis.ProtocolError.
        """
        while True:  # until it would block: TLS may hold back more than it has shown
            try:
                data = self._sock.recv(CHUNK)
            except BlockingIOError:
                break
            if not data:
                raise ConnectionResetError("the server closed the connection")
            self._reader.feed(data)
            self.moved += len(data)
        replies: list[Any] = []
        pushes: list[list[Any]] = []
        while (reply := self._reader.gets()) is not False:
            is_push = type(reply) is hiredis.PushNotification and reply[0] not in CONFIRMATIONS
            (pushes if is_push else replies).append(reply)
        return replies, pushes

    def close(self) -> None:
        self._sock.close()

    def _try_send(self, data: bytes | bytearray) -> int:
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            return 0
        self._given += sent
        return sent
