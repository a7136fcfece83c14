"""What systemd hears from a service: a listener on a NOTIFY_SOCKET."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import wait_until


class Manager:
    """`address`: a path, or an abstract name that begins with @."""

    def __init__(self, address: str, watchdog: float | None = None) -> None:
        """`watchdog`: seconds."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = address
        try:
            self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self.environment: Mapping[str, str] = {"NOTIFY_SOCKET": address}
        if watchdog is not None:
            self.environment = {**self.environment, "WATCHDOG_USEC": str(int(watchdog * 1e6))}
        self._words: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        Path(self._address).unlink(missing_ok=True)

    def words(self) -> list[str]:
        """Every `NAME=value` heard so far, oldest first."""
        while True:
            try:
                self._words += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self._words

    def names(self) -> list[str]:
        return [word.partition("=")[0] for word in self.words()]

    def count(self, name: str) -> int:
        return self.names().count(name)

    def values(self, name: str) -> list[str]:
        pairs = [word.partition("=") for word in self.words()]
        return [value for key, _, value in pairs if key == name]

    def wait(self, name: str, count: int = 1, timeout: float = 10.0) -> None:
        """Until this has been said so often."""
        wait_until(lambda: self.count(name) >= count, timeout)
