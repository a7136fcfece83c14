"""Reads, writes and awaits the results that a Redis server stores (PROTOCOL 10)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from brokers.interface import ChordSize, Write
from brokers.redis.address import Address
from brokers.redis.client import Client

PAUSES = (0.0, *[1.0] * 19)
"""Seconds before each further try of a write or a wait (PROTOCOL 10.3)."""
LOOKS = (0.0, 0.2, 0.4)
"""The same of a single look: whoever looks can look again, and is told soon that nobody answers."""

CHECK = 10.0
"""Seconds of silence after which an awaited key is looked at again: a connection can break without
a sign, and take an announcement with it."""

STORE = Path(__file__).with_name("lua").joinpath("store.lua").read_text()


class RedisResults:
    """See `brokers.interface.Results`. Keys are complete, with their prefix.

    Every thread that waits has one connection for it, kept for its next wait.
    """

    def __init__(self, address: Address) -> None:
        self._client = Client(address, PAUSES)
        self._listener = _Listener()

    def get(self, key: str) -> bytes | None:
        return self._client.run(lambda redis: _get(redis, key), pauses=LOOKS)

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        found: list[bytes | None] = self._client.run(lambda redis: redis.mget(keys), pauses=LOOKS)
        return found

    def write(self, writes: Sequence[Write]) -> None:
        """One round trip."""
        self._client.run(lambda redis: _store(redis, writes))

    def delete(self, keys: Sequence[str]) -> int:
        return int(self._client.run(lambda redis: redis.delete(*keys))) if keys else 0

    def begin_chords(self, sizes: Sequence[ChordSize]) -> None:
        """One round trip."""
        self._client.run(lambda redis: _begin(redis, sizes))

    def extend_chord(self, key: str, expires: int) -> None:
        self._client.run(lambda redis: _extend(redis, f"{key}.t", expires))

    def chord_entries(self, key: str) -> list[bytes]:
        return self._client.run(lambda redis: _entries(redis, f"{key}.j"))

    def wait(self, key: str, timeout: float | None, known: bytes | None = None) -> bytes:
        """Subscribes, looks at the key, then listens; after a lost connection all of it again.

        A server that takes commands and answers none is noticed after `socket_timeout` seconds,
        which can be later than `timeout`.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        try:
            while True:
                found = self._client.run(lambda redis: self._listener.subscribe(redis, key), deadline)
                if found is None or found == known:
                    found = self._listener.listen(key, min(deadline, time.monotonic() + CHECK))
                if found is not None:
                    return found
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"nothing new in {key} after {timeout} s")
        finally:
            self._listener.unsubscribe(key)

    def close(self) -> None:
        self._client.close()


class _Listener(threading.local):
    """The calling thread's subscriptions, on a connection of their own."""

    def __init__(self) -> None:
        self._pubsub: Any = None
        self._pid = 0

    def subscribe(self, redis: Any, key: str) -> bytes | None:
        """What the key holds. Whatever is announced from then on is there for `listen`.

        Raises RedisError.
        """
        if self._pubsub is None or self._pid != os.getpid():
            self._pubsub, self._pid = redis.pubsub(), os.getpid()
        try:
            self._pubsub.subscribe(key)
            # Only once the server has confirmed it: it may serve the GET's connection first.
            self._next("subscribe", key, time.monotonic() + CHECK)
            return _get(redis, key)
        except RedisError:
            self._drop()
            raise

    def listen(self, key: str, deadline: float) -> bytes | None:
        """The next announcement; None at `deadline`, or when the connection broke."""
        try:
            return self._next("message", key, deadline)
        except RedisError:
            self._drop()
            return None

    def unsubscribe(self, key: str) -> None:
        """Its confirmation is read with the next wait."""
        if self._pubsub is not None:
            try:
                self._pubsub.unsubscribe(key)
            except RedisError:
                self._drop()

    def _next(self, kind: str, key: str, deadline: float) -> bytes | None:
        """The data of the next message of this kind for this key, past all others."""
        while (remaining := deadline - time.monotonic()) > 0:
            message = self._pubsub.get_message(timeout=remaining)
            if message and message["type"] == kind and message["channel"] == key.encode():
                data: bytes = message["data"]
                return data
        return None

    def _drop(self) -> None:
        self._pubsub.close()
        self._pubsub = None


def _get(redis: Any, key: str) -> bytes | None:
    document: bytes | None = redis.get(key)
    return document


def _begin(redis: Any, sizes: Sequence[ChordSize]) -> None:
    with redis.pipeline(transaction=True) as pipeline:
        for key, size, expires, structure in sizes:
            pipeline.delete(f"{key}.c")
            pipeline.set(f"{key}.s", size, ex=expires or None)
            if structure:
                pipeline.set(key, structure, ex=expires or None)
        pipeline.execute()


def _extend(redis: Any, key: str, expires: int) -> None:
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.incrby(key, 1)
        if expires:
            pipeline.expire(key, expires)
        pipeline.execute()


def _entries(redis: Any, key: str) -> list[bytes]:
    """A list where whoever counted them keeps no order (`result_chord_ordered`)."""
    is_list = redis.type(key) == b"list"
    entries: list[bytes] = redis.lrange(key, 0, -1) if is_list else redis.zrange(key, 0, -1)
    return entries


def _store(redis: Any, writes: Sequence[Write]) -> None:
    with redis.pipeline(transaction=False) as pipeline:
        for key, document, expires, _ in writes:
            # EVAL, not EVALSHA: one round trip whether or not the server knows the script.
            pipeline.eval(STORE, 1, key, document, expires)
        pipeline.execute()
