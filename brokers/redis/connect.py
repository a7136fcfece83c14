"""Makes a ready connection to the server that an address means at the moment. Blocks."""

from __future__ import annotations

import time
from collections.abc import Sequence

from brokers.redis.address import Address
from brokers.redis.connection import Connection
from brokers.redis.scripts import Command
from brokers.redis.sentinel import find_master
from brokers.redis.session import begin


def connect(address: Address, greeting: Sequence[Command], timeout: float) -> Connection:
    """A connection on which every command of the `greeting` has been answered without an error.

    Sentinels are asked each time: the master may be another one since. Raises BrokerUnavailable or
    BrokerRefused, both with the address and the cause.
    """
    deadline = time.monotonic() + timeout
    if address.sentinels is not None:
        # Half of the time, so that some is left for the master however many sentinels are dead.
        address = address.at(*find_master(address.sentinels, timeout / 2))
    session = begin(address, greeting, max(deadline - time.monotonic(), 0.001))
    session.sock.setblocking(False)
    return Connection(session.sock, session.reader)
