"""Makes a ready connection to a Redis server: reached, encrypted, logged in, greeted. Blocks.

Our own, not redis-py's: that one cannot be driven by an event loop of ours, and costs 120 ms and
18 MB. The protocol itself is hiredis's.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any

import hiredis

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address
from brokers.redis.connection import Connection
from brokers.redis.lease import Evicted
from brokers.redis.scripts import Command, pack

PASSING = (
    *("LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "OOM", "MISCONF"),
    *("NOREPLICAS", "NOSCRIPT", "LEASE", "UNBLOCKED", "ERR max number of clients"),
)
"""How the error replies begin that another try may not get."""

SILENCE_MS = 8000
"""After which a peer that acknowledges no packet counts as dead (TCP_USER_TIMEOUT)."""


def connect(address: Address, greeting: Sequence[Command], timeout: float) -> Connection:
    """A connection on which every command of the `greeting` has been answered without an error.

    Raises BrokerUnavailable or BrokerRefused, both with the address and the cause.
    """
    deadline = time.monotonic() + timeout
    try:
        sock = _reach(address, timeout)
    except UnicodeError as error:
        raise BrokerRefused(f"{address.masked()}: no name of a host: {error}") from error
    except OSError as error:
        raise BrokerUnavailable(f"{address.masked()}: {error}") from error
    try:
        reader = _greet(sock, address, greeting, deadline)
        sock.setblocking(False)
        return Connection(sock, reader)
    except OSError as error:
        sock.close()
        raise BrokerUnavailable(f"{address.masked()}: {error}") from error
    except BrokerError:
        sock.close()
        raise


def failure(address: Address, error: hiredis.HiredisError) -> BrokerError:
    """What an error reply, or one that is no reply at all, means to the caller."""
    text = str(error)
    if text.startswith("EVICTED "):
        lost = f"{address.masked()}: our lease has ended, and others have our messages"
        return Evicted(lost, int(text.split()[1]))
    kind = BrokerUnavailable if text.startswith(PASSING) else BrokerRefused
    return kind(f"{address.masked()}: {text}")


def _reach(address: Address, timeout: float) -> socket.socket:
    if address.path:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        try:
            sock.connect(address.path)
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((address.host, address.port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)
    if address.transport.socket_keepalive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)
    if address.tls is None:
        return sock
    from brokers.redis.tls import wrap  # ssl costs 10 ms

    return wrap(sock, address.host, address.tls)


def _greet(
    sock: socket.socket, address: Address, greeting: Sequence[Command], deadline: float
) -> hiredis.Reader:
    login = ("AUTH", address.username or "default", address.password) if address.password else ()
    commands: list[Command] = [("HELLO", 3, *login), ("CLIENT", "SETINFO", "LIB-NAME", "runtime")]
    if address.db:
        commands.append(("SELECT", address.db))
    commands += greeting
    sock.sendall(b"".join(map(pack, commands)))
    reader = hiredis.Reader()
    for command in commands:
        reply = _next_reply(sock, reader, deadline)
        # CLIENT SETINFO is unknown before Redis 7.2 (PROTOCOL 2).
        if isinstance(reply, hiredis.ReplyError) and "SETINFO" not in command:
            raise failure(address, reply)
    return reader


def _next_reply(sock: socket.socket, reader: hiredis.Reader, deadline: float) -> Any:
    while True:
        try:
            reply = reader.gets()
        except hiredis.ProtocolError as error:
            raise ConnectionError(f"this is no Redis server: {error}") from error
        if reply is not False:
            return reply
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        data = sock.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        reader.feed(data)
