"""What the supervisor and a fork server say to each other, and the socket they say it over.

A SOCK_SEQPACKET pair: one message a frame, pickled, with the descriptors that belong to it. Both
ends are this program, started by each other, and nobody else can write to the socket.
"""

from __future__ import annotations

import array
import pickle
import socket
from _socket import socket as RawSocket
from collections.abc import Sequence
from typing import NamedTuple

from pools.interface import ChildOptions
from pools.kinds import Kind
from pools.transport import INLINE, descriptors

_ROOM_FOR_FDS = socket.CMSG_SPACE(4 * 4)


class Load(NamedTuple):
    """First words of the supervisor: load this code."""

    options: ChildOptions
    kind: Kind


class Fork(NamedTuple):
    """Make a child; its ends (`pools.transport.ChildEnds`) come along."""

    number: int


class Loaded(NamedTuple):
    """The code is loaded; a memory file with the boot function's hello comes along."""


class NotLoaded(NamedTuple):
    """The boot function failed, and with it the fork server."""

    reason: str
    refused: bool = False


class Forked(NamedTuple):
    """A child runs; its pidfd comes along. Opened by its parent, who alone can be sure that the pid
    still means this child."""

    number: int
    pid: int


class NotForked(NamedTuple):
    number: int
    reason: str


class Exited(NamedTuple):
    """A child has been reaped. exitcode: as of multiprocessing, negative is the signal's number."""

    number: int
    exitcode: int


Message = Load | Fork | Loaded | NotLoaded | Forked | NotForked | Exited


class Control:
    """One end of the conversation."""

    def __init__(self, connection: RawSocket) -> None:
        self._socket = connection

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Raises BrokenPipeError when the other end is gone."""
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
        self._socket.sendmsg([pickle.dumps(message)], [rights] if fds else [])

    def receive(self, flags: int = 0) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors; None: the other end is gone.

        flags: socket.MSG_DONTWAIT raises BlockingIOError when there is none now.
        """
        try:
            data, ancillary, _, _ = self._socket.recvmsg(
                INLINE, _ROOM_FOR_FDS, flags | socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError:  # it died with messages of ours unread
            return None
        return (pickle.loads(data), descriptors(ancillary)) if data else None

    def end(self) -> None:
        """Tell the other end that no more will come."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()
