"""A TCP proxy in front of a server's Unix socket that can fall silent, as a dead network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.servers import Server


class Proxy:
    """A context manager. Connections are forwarded, each by two threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._forwarding = threading.Event()
        self._forwarding.set()
        self._lost: set[socket.socket] = set()
        self._error = b""
        self._rate = float("inf")
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.resume()
        for each in (self._listener, *self._sockets):
            _shut(each)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()

    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def silence(self) -> None:
        """Connections stay open, new ones too, and nothing comes through any more, no FIN either."""
        self._forwarding.clear()

    def lose(self) -> None:
        """What the present connections say is swallowed; new ones are as they should be."""
        self._lost.update(self._sockets)

    def slow_down(self, rate: float) -> None:
        """To so many bytes a second."""
        self._rate = rate

    def answer(self, error: str) -> None:
        """From now on the server is not reached: whatever is asked gets this error reply."""
        self._error = f"-{error}\r\n".encode()

    def resume(self) -> None:
        self._error = b""
        self._forwarding.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.socket(socket.AF_UNIX)
            self._sockets += (client, upstream)
            try:
                upstream.connect(str(self._server.socket))
            except OSError:
                _shut(client)
                continue
            for arguments in ((client, upstream, client), (upstream, client, None)):
                thread = threading.Thread(target=self._forward, args=arguments)
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket, asker: socket.socket | None) -> None:
        with suppress(OSError):  # one of both ends is gone: so is the other, below
            while data := source.recv(1 << 16):
                self._forwarding.wait()
                self._ended.wait(len(data) / self._rate)
                if source in self._lost:
                    continue
                if asker is not None and self._error:
                    asker.sendall(self._error)
                else:
                    target.sendall(data)
        _shut(source)
        _shut(target)


def _shut(each: socket.socket) -> None:
    with suppress(OSError):  # it was not connected any more
        each.shutdown(socket.SHUT_RDWR)
