"""Where an embedded server lives: its directory and its socket, open to its owner alone."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from brokers.interface import BrokerRefused

LONGEST_SOCKET = 100
"""Bytes: the kernel takes 107."""


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one embedded server. Made by `prepare`."""

    directory: Path
    socket: Path

    @property
    def log(self) -> Path:
        """What the server and its guardian say."""
        return self.directory / "server.log"

    @property
    def guardian_lock(self) -> Path:
        """Locked by the guardian while it lives; holds its pid."""
        return self.directory / "guardian.lock"

    @property
    def users_lock(self) -> Path:
        """Locked, shared, by every process that uses the server."""
        return self.directory / "users.lock"

    @classmethod
    def prepare(cls, parent: Path | None) -> Self:
        """The place in `parent` (None: in the user's state directory), made if it is not there.

        Raises BrokerRefused when it cannot be made or is not ours.
        """
        directory = (parent or _state_directory()).absolute() / "broker"
        _make_private(directory)
        socket = directory / "server.sock"
        if len(os.fsencode(socket)) > LONGEST_SOCKET:
            digest = sha256(os.fsencode(directory)).hexdigest()[:16]
            runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
            socket = Path(runtime, f"runtime-{os.geteuid()}-{digest}", "server.sock")
            _make_private(socket.parent)
        return cls(directory, socket)


def _state_directory() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return Path(state) / "runtime" if state else Path.home() / ".local" / "state" / "runtime"


def _make_private(directory: Path) -> None:
    """Others could put a socket of their own there, or read the messages, if it were theirs or open."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise BrokerRefused(f"embedded broker: {directory} is not a directory of this user")
        if status.st_mode & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        raise BrokerRefused(f"embedded broker: cannot use the directory {directory}: {error}") from error
