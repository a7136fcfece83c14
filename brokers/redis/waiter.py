"""Awaits results in one event loop, on one subscribed connection, however many wait (PROTOCOL 10.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError

from brokers.interface import BrokerError, BrokerRefused
from brokers.redis.address import Address
from brokers.redis.client import broker_error, client_of
from brokers.redis.results import CHECK, PAUSES

Waits = dict["asyncio.Future[bytes]", bytes | None]
"""Who waits → the document that it knows already."""


class RedisWaiter:
    """See `brokers.interface.Waiter`. One task reads what is announced, and makes the connection anew."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._redis = client_of(address, Redis, Sentinel, Retry)
        self._awaited: dict[str, Waits] = {}
        self._pubsub: Any = None
        """Subscribed to everything that is awaited; None while there is no connection."""
        self._reader: asyncio.Task[None] | None = None

    async def wait(self, key: str, known: bytes | None = None) -> bytes:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(key, {})[future] = known
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._serve())
        try:
            await self._subscribe(key)
            return await future
        finally:
            await self._leave(key, future)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    async def _subscribe(self, key: str) -> None:
        """Again, if others wait for it: the server's confirmation is what makes us look at the key."""
        if self._pubsub is not None:
            with suppress(RedisError):  # the reader meets it too, and subscribes on the next connection
                await self._pubsub.subscribe(key)

    async def _leave(self, key: str, future: asyncio.Future[bytes]) -> None:
        waits = self._awaited[key]
        del waits[future]
        if waits:
            return
        del self._awaited[key]
        if self._pubsub is not None:
            with suppress(RedisError):
                await self._pubsub.unsubscribe(key)

    async def _serve(self) -> None:
        """All connections are the reader's, and end with it: nobody closes a waiter whose loop has ended."""
        try:
            await self._read()
        finally:
            await self._redis.aclose()

    async def _read(self) -> None:
        """Until it is cancelled: with the waiter, or with all tasks when the loop ends. It asks whether it
        is: the exception alone is not enough, something below has been seen to keep one."""
        task = asyncio.current_task()
        assert task is not None
        pauses = iter(PAUSES)
        while not task.cancelling():
            pubsub = self._redis.pubsub()
            try:
                await pubsub.connect()
                self._pubsub = pubsub
                if self._awaited:
                    await pubsub.subscribe(*self._awaited)
                while not task.cancelling():
                    await self._heed(await pubsub.get_message(timeout=CHECK))
                    pauses = iter(PAUSES)
                return
            except RedisError as error:
                problem = broker_error(error, self._address)
            finally:
                self._pubsub = None
                await pubsub.aclose()
            pause = next(pauses, None)
            if pause is None or isinstance(problem, BrokerRefused):
                self._fail(problem)
                pauses = iter(PAUSES)
            await asyncio.sleep(pause or PAUSES[-1])

    async def _heed(self, message: dict[str, Any] | None) -> None:
        if message is None:
            await self._look(list(self._awaited))
        elif message["type"] == "subscribe":
            await self._look([message["channel"].decode()])
        elif message["type"] == "message":
            self._tell(message["channel"].decode(), message["data"])

    async def _look(self, keys: list[str]) -> None:
        """At what is stored."""
        if keys:
            for key, found in zip(keys, await self._redis.mget(keys), strict=True):
                if found is not None:
                    self._tell(key, found)

    def _tell(self, key: str, document: bytes) -> None:
        for future, known in self._awaited.get(key, {}).items():
            if document != known and not future.done():
                future.set_result(document)

    def _fail(self, problem: BrokerError) -> None:
        for future in _futures(self._awaited.values()):
            if not future.done():
                future.set_exception(problem)


def _futures(waits: Iterable[Waits]) -> list[asyncio.Future[bytes]]:
    return [future for each in waits for future in each]
