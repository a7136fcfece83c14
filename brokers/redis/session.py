"""Begins to speak with a server: reached, logged in, and some commands answered. Blocks.

Our own, not redis-py's: that one cannot be driven by an event loop of ours, and costs 120 ms and
18 MB. The protocol itself is hiredis's.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import hiredis

from brokers.interface import BrokerError, BrokerRefused, BrokerUnavailable
from brokers.redis.address import Address
from brokers.redis.failures import failure
from brokers.redis.reach import reach
from brokers.redis.scripts import Command, pack


class Session(NamedTuple):
    sock: socket.socket
    reader: hiredis.Reader
    """May hold what was read beyond the answers."""
    answer: Any
    """To the last of the commands."""


def begin(address: Address, greeting: Sequence[Command], timeout: float) -> Session:
    """With a server on which every command of the `greeting` has been answered without an error.

    Raises BrokerUnavailable or BrokerRefused, both with the address and the cause.
    """
    deadline = time.monotonic() + timeout
    try:
        sock = reach(address, timeout)
    except UnicodeError as error:
        raise BrokerRefused(f"{address.masked()}: no name of a host: {error}") from error
    except OSError as error:
        raise BrokerUnavailable(f"{address.masked()}: {error}") from error
    try:
        return _greet(sock, address, greeting, deadline)
    except OSError as error:
        sock.close()
        raise BrokerUnavailable(f"{address.masked()}: {error}") from error
    except BrokerError:
        sock.close()
        raise


def _greet(sock: socket.socket, address: Address, greeting: Sequence[Command], deadline: float) -> Session:
    login = ("AUTH", address.username or "default", address.password) if address.password else ()
    name = ("SETNAME", address.transport.client_name) if address.transport.client_name else ()
    commands: list[Command] = [("HELLO", 3, *login, *name), ("CLIENT", "SETINFO", "LIB-NAME", "runtime")]
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
    return Session(sock, reader, reply)


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
