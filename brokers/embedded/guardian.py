"""Keeps one embedded server: starts it, starts it again when it dies, ends it when nobody uses it.

A program of its own, run by path and isolated (`python -I -S guardian.py BINARY DIRECTORY SOCKET
LINGER`), so that it starts in 20 ms and takes 7 MB; it imports nothing of this project. It exits with
0 as soon as the server answers, leaving a child behind that guards it, or at once if there is a
guardian already, and with 1 if the server does not come up. Standard output is the log.

A guardian that is killed takes nothing with it. The next one finds the server answering, and watches
that one (by pidfd: it need not be its child).
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

START_TIMEOUT = 60.0
"""Seconds that the server may need to load what is on disk."""

ANSWER_TIMEOUT = 10.0
"""Seconds after which a server that says nothing is given up; a second one on its files would ruin them."""

RESTART_PAUSE = 0.1
"""Seconds; a server that dies again and again must not take a processor."""


def main(binary: str, directory: str, path: str, linger: float) -> int:
    lock = os.open(f"{directory}/guardian.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not locked(lock):
        return 0
    os.ftruncate(sys.stdout.fileno(), 0)
    command = [binary, *options(directory, path)]
    server = running(path) or start(command, path)
    if not server:
        return 1
    if os.fork():
        return 0
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    users = os.open(f"{directory}/users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        guard(server, command, path, users, linger)
    finally:
        # Under the users' lock, if that is how we came here: nobody finds a server that is about to go.
        ask(path, "SHUTDOWN")
    return 0


def options(directory: str, path: str) -> list[str]:
    return [
        *("--port", "0", "--unixsocket", path, "--unixsocketperm", "600"),
        *("--dir", directory, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--daemonize", "no", "--loglevel", "notice"),
    ]


def guard(server: int, command: list[str], path: str, users: int, linger: float) -> None:
    """Until nobody has used it for `linger` seconds, or it does not start again."""
    pause = min(max(linger / 4, 0.1), 5.0)
    used = time.monotonic()
    while server:
        if died(server, pause):
            time.sleep(RESTART_PAUSE)
            # A server that does not answer yet would not hear that it is to go, and stay without a guardian.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            server = start(command, path)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            used = time.monotonic()
        elif not locked(users):
            used = time.monotonic()
        elif connections(path) == 0 and time.monotonic() - used >= linger:
            return
        else:
            fcntl.flock(users, fcntl.LOCK_UN)


def locked(descriptor: int) -> bool:
    """Whether we have got the exclusive lock on this file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start(command: list[str], path: str) -> int:
    """The pid of a new server that answers; 0 if it does not come up."""
    child = os.posix_spawn(command[0], command, os.environ, setsigmask=[])
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return 0
        if ask(path, "PING").startswith(b"+PONG"):
            return child
        time.sleep(0.002)
    return 0


def running(path: str) -> int:
    """The pid of the server that listens there; 0 if none does."""
    return number(ask(path, "INFO server"), b"process_id:")


def connections(path: str) -> int:
    """How many there are beside the one that asks: of programs that know the socket, not the lease."""
    return number(ask(path, "INFO clients"), b"connected_clients:") - 1


def number(reply: bytes, name: bytes) -> int:
    return int(reply.partition(name)[2].partition(b"\r")[0] or 0)


def ask(path: str, command: str) -> bytes:
    """The reply, or none if no server listens there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT)
        try:
            connection.connect(path)
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536)
        except (FileNotFoundError, ConnectionError):
            return b""


def died(server: int, pause: float) -> bool:
    """Wait for its end, at most `pause` seconds."""
    try:
        descriptor = os.pidfd_open(server)
    except ProcessLookupError:
        return True
    try:
        if not select.select([descriptor], [], [], pause)[0]:
            return False
    finally:
        os.close(descriptor)
    with suppress(ChildProcessError):  # its parent is the one that started it
        os.waitpid(server, 0)
    return True


if __name__ == "__main__":
    _, given_binary, given_directory, given_path, given_linger = sys.argv
    sys.exit(main(given_binary, given_directory, given_path, float(given_linger)))
