"""The asking side of remote control over a Redis server (PROTOCOL 12.3)."""

from __future__ import annotations

import time
from dataclasses import replace

from brokers.redis.address import Address
from brokers.redis.client import Client

PAUSES = (0.0, 0.2, 0.4)
"""Seconds before each further try."""
BLOCK = 1.0
"""Seconds for one blocking command: less than any time-out of a socket should be."""
PATIENCE = 2.5
"""Seconds without an answer after which the server counts as dead: somebody waits at a terminal."""


class RedisCaller:
    """See `brokers.interface.Caller`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        patience = min(address.transport.socket_timeout or PATIENCE, PATIENCE)
        hasty = replace(address.transport, socket_timeout=patience)
        self._client = Client(replace(address, transport=hasty), PAUSES)
        self._binding: tuple[str, str] | None = None
        self._lists: tuple[str, ...] = ()

    def bind(self, exchange: str, routing_key: str) -> None:
        queue = f"{routing_key}.{exchange}"
        self._binding = self._address.binding(exchange, routing_key, queue)
        self._lists = self._address.list_keys(queue)
        self._client.call([["SADD", *self._binding]])

    def broadcast(self, exchange: str, message: bytes) -> int:
        return int(self._client.call([["PUBLISH", self._address.channel(exchange), message]])[0])

    def receive(self, timeout: float) -> bytes | None:
        """Polls with a blocking pop; between two, nothing is lost: the list keeps what comes."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            block = max(min(left, BLOCK), 0.01)  # 0 would be for ever
            popped = self._client.call([["BRPOP", *self._lists, f"{block:.3f}"]])[0]
            if popped is not None:
                message: bytes = popped[1]
                return message
        return None

    def close(self) -> None:
        if self._binding is not None:
            self._client.call([["SREM", *self._binding], ["DEL", *self._lists]])
        self._client.close()
