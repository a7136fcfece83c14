"""A master, its replica, and a sentinel that makes the replica the master when the master is gone."""

from __future__ import annotations

import random
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis, exceptions

from tests.support.servers import BINARIES, Server
from tests.support.waiting import wait_until

NAME = "main"
PASSWORD = "of-the-sentinel"

SENTINEL = f"""
bind 127.0.0.1
port {{port}}
dir {{directory}}
requirepass {PASSWORD}
sentinel monitor {NAME} 127.0.0.1 {{master}} 1
sentinel down-after-milliseconds {NAME} 500
sentinel failover-timeout {NAME} 3000
"""


def free_port() -> int:
    """Not one from the range out of which the system gives them (port 0): somebody else would get it
    before it is used here."""
    while True:
        port = random.randrange(15_000, 32_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:  # taken
            continue


class Replicated:
    """The second sentinel of its URL is the one that lives. A context manager."""

    def __init__(self, flavour: str) -> None:
        self.first, self.second = Server(flavour), Server(flavour)
        self.master_port, self._replica_port = free_port(), free_port()
        """Of those that are so at first."""
        self._sentinel_port, self._no_port = free_port(), free_port()
        self._binary = BINARIES[flavour]
        self._running = ExitStack()

    @property
    def url(self) -> str:
        return f"sentinel://127.0.0.1:{self._no_port}/2;sentinel://127.0.0.1:{self._sentinel_port}/2"

    @property
    def options(self) -> dict[str, Any]:
        """The transport options for it."""
        return {"master_name": NAME, "sentinel_kwargs": {"password": PASSWORD}}

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.first)
            running.enter_context(self.second)
            self._replicate()
            self._sentinel = running.enter_context(
                Redis(port=self._sentinel_port, password=PASSWORD, protocol=3)
            )
            process = subprocess.Popen(
                [self._binary, str(self._configuration()), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            running.callback(process.wait)
            running.callback(process.kill)
            wait_until(self._ready, 20)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def catch_up(self) -> None:
        """Returns once the replica has all that the master has confirmed so far: nobody can promise more."""
        self.first.client.set("last", 1)
        assert self.first.client.wait(1, 10_000) == 1

    def kill_master(self) -> None:
        self.first.kill()

    def freeze_master(self) -> None:
        """It keeps its connections, and says nothing any more."""
        self.first.pause()

    def fail_over(self) -> None:
        """The master lives on, as a replica of the other one; by itself the sentinel would make it so after
        some ten seconds in which it takes what is then lost."""
        self._ask("FAILOVER", NAME)
        new = [b"127.0.0.1", str(self._replica_port).encode()]
        wait_until(lambda: self._ask("GET-MASTER-ADDR-BY-NAME", NAME) == new, 10)
        self.first.client.replicaof("127.0.0.1", self._replica_port)

    def _replicate(self) -> None:
        for server, port in ((self.first, self.master_port), (self.second, self._replica_port)):
            server.stop()
            server.start("--port", str(port), "--repl-diskless-sync-delay", "0")
        self.second.client.replicaof("127.0.0.1", self.master_port)
        wait_until(lambda: self.second.client.info("replication")["master_link_status"] == "up", 10)

    def _configuration(self) -> Path:
        """Sentinels write into it."""
        path = self.first.directory / "sentinel.conf"
        path.write_text(
            SENTINEL.format(port=self._sentinel_port, master=self.master_port, directory=path.parent)
        )
        return path

    def _ready(self) -> bool:
        """The sentinel knows a replica that could be promoted."""
        try:
            (replica,) = self._ask("REPLICAS", NAME)
        except (exceptions.ConnectionError, ValueError):
            return False
        return bool(replica[b"master-link-status"] == b"ok")

    def _ask(self, *command: str) -> Any:
        # Not redis-py's own methods: what they make of the answer is another thing in each version.
        with self._sentinel.client() as single:
            connection = single.connection
            connection.send_command("SENTINEL", *command)
            return connection.read_response()
