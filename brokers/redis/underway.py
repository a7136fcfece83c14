"""What a socket has been given and has not got to the other system: a slow network is not a dead peer."""

from __future__ import annotations

import socket
import sys
from fcntl import ioctl
from termios import TIOCOUTQ


def underway(sock: socket.socket) -> int:
    """Bytes. Raises OSError."""
    return int.from_bytes(ioctl(sock, TIOCOUTQ, bytes(4)), sys.byteorder)
