"""HTTP/1.0 as far as probes need it: a request line in, one answer out, never waiting for anybody.

Not `http.server`: that one blocks on its clients, so it would need a thread, which takes the
interpreter from the loop that it shall watch, and answers on when the loop does not.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

MOST = 32
"""Connections at once; more wait in the listener's backlog."""
PATIENCE = 5.0
"""Seconds that a client has for all of it."""
LONGEST_REQUEST = 8192


class Answer(NamedTuple):
    status: HTTPStatus
    content_type: str
    body: bytes


class Visitor:
    """One client; a request becomes an answer."""

    def __init__(self, connection: socket.socket, leave_by: float) -> None:
        self.connection = connection
        self.leave_by = leave_by
        self.request = b""
        self.has_asked = False
        self.unsent = memoryview(b"")

    @property
    def path(self) -> str:
        """What was asked for, without its query; empty if it was no GET or HEAD."""
        method, _, rest = self.request.partition(b" ")
        target = rest.partition(b" ")[0].partition(b"?")[0]
        return target.decode("ascii", "replace") if method in (b"GET", b"HEAD") else ""


class Responder:
    """Single-threaded; owns the listener and its clients. No call blocks."""

    def __init__(self, listener: socket.socket) -> None:
        """`listener`: non-blocking, listening; closed with the responder."""
        self._listener = listener
        self._visitors: dict[int, Visitor] = {}
        self._deferred = False
        """Somebody waits who could not be let in."""
        self._poller = select.epoll()
        self._poller.register(listener.fileno(), select.EPOLLIN)

    def fileno(self) -> int:
        """Readable when `receive` has something to do."""
        return self._poller.fileno()

    def receive(self, now: float) -> list[Visitor]:
        """Those who have asked, each to be given to `answer`, now or later. now: time.monotonic()."""
        asking = []
        if self._deferred:
            self._deferred = False
            self._poller.modify(self._listener.fileno(), select.EPOLLIN)
        for descriptor, _ in self._poller.poll(0):
            if descriptor == self._listener.fileno():
                self._admit(now)
                continue
            visitor = self._visitors[descriptor]
            if visitor.unsent:
                self._send(visitor)
            elif visitor.has_asked:  # and could not wait for its answer
                self._see_off(visitor)
            elif self._hear(visitor):
                asking.append(visitor)
        for visitor in [visitor for visitor in self._visitors.values() if now >= visitor.leave_by]:
            self._see_off(visitor)
        return [visitor for visitor in asking if visitor.connection.fileno() in self._visitors]

    def answer(self, visitor: Visitor, answer: Answer) -> None:
        if visitor.connection.fileno() not in self._visitors:  # it has gone meanwhile
            return
        head = (
            f"HTTP/1.0 {answer.status.value} {answer.status.phrase}\r\n"
            f"Content-Type: {answer.content_type}\r\n"
            f"Content-Length: {len(answer.body)}\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
        )
        body = b"" if visitor.request.startswith(b"HEAD ") else answer.body
        visitor.unsent = memoryview(head.encode() + body)
        self._poller.modify(visitor.connection.fileno(), select.EPOLLOUT)
        self._send(visitor)

    def close(self) -> None:
        for visitor in list(self._visitors.values()):
            self._see_off(visitor)
        self._poller.close()
        self._listener.close()

    def _admit(self, now: float) -> None:
        for connection in self._accept():
            connection.setblocking(False)
            self._visitors[connection.fileno()] = Visitor(connection, now + PATIENCE)
            self._poller.register(connection.fileno(), select.EPOLLIN)
        if len(self._visitors) >= MOST:
            self._poller.modify(self._listener.fileno(), 0)

    def _accept(self) -> Iterator[socket.socket]:
        while len(self._visitors) < MOST:
            try:
                yield self._listener.accept()[0]
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor is left: looked at again at the next call, not all the time
                self._poller.modify(self._listener.fileno(), 0)
                self._deferred = True
                return

    def _hear(self, visitor: Visitor) -> bool:
        """Whether its request is complete. Headers are read to their end: a connection that is closed
        with unread bytes is reset, and the client may lose its answer."""
        try:
            received = visitor.connection.recv(LONGEST_REQUEST)
        except BlockingIOError:
            return False
        except OSError:
            received = b""
        visitor.request += received
        if not received or len(visitor.request) > LONGEST_REQUEST:
            self._see_off(visitor)
            return False
        visitor.has_asked = b"\r\n\r\n" in visitor.request or b"\n\n" in visitor.request
        if visitor.has_asked:
            self._poller.modify(visitor.connection.fileno(), 0)
        return visitor.has_asked

    def _send(self, visitor: Visitor) -> None:
        try:
            visitor.unsent = visitor.unsent[visitor.connection.send(visitor.unsent) :]
        except BlockingIOError:
            return
        except OSError:  # it has gone, with or without what it wanted
            visitor.unsent = memoryview(b"")
        if not visitor.unsent:
            self._see_off(visitor)

    def _see_off(self, visitor: Visitor) -> None:
        descriptor = visitor.connection.fileno()
        del self._visitors[descriptor]
        self._poller.unregister(descriptor)
        visitor.connection.close()
        self._poller.modify(self._listener.fileno(), select.EPOLLIN)
