"""What every Waiter promises (`brokers.interface.Waiter`), on every server flavour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from brokers import registry
from brokers.interface import BrokerRefused, Waiter, Write
from tests.support.servers import Server


@asynccontextmanager
async def waiting_on(server: Server) -> AsyncIterator[Waiter]:
    waiter = registry.open_waiter(server.url())
    try:
        yield waiter
    finally:
        await waiter.close()


def write(server: Server, key: str, document: bytes) -> None:
    results = registry.open_results(server.url())
    results.write([Write(key, document, 60)])
    results.close()


async def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


def run(test: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test

    asyncio.run(bounded())


def subscribers(server: Server, key: str) -> int:
    return int(server.client.pubsub_numsub(key)[0][1])


def test_what_is_there_already_and_what_comes(server: Server) -> None:
    async def test() -> None:
        async with waiting_on(server) as waiter:
            write(server, "a", b'{"status": "STARTED"}')
            assert await waiter.wait("a") == b'{"status": "STARTED"}'
            waits = [asyncio.create_task(waiter.wait("a", b'{"status": "STARTED"}')) for _ in range(3)]
            await until(lambda: subscribers(server, "a") == 1)
            write(server, "a", b'{"status": "SUCCESS"}')
            assert await asyncio.gather(*waits) == [b'{"status": "SUCCESS"}'] * 3
            await until(lambda: subscribers(server, "a") == 0)

    run(test())


def test_many_share_a_connection(server: Server) -> None:
    async def test() -> None:
        async with waiting_on(server) as waiter:
            keys = [f"k{n}" for n in range(1000)]
            waits = [asyncio.create_task(waiter.wait(key)) for key in keys]
            await until(lambda: subscribers(server, "k999") == 1)
            assert len(server.client.client_list()) <= 5
            results = registry.open_results(server.url())
            results.write([Write(key, key.encode(), 60) for key in keys])
            assert await asyncio.gather(*waits) == [key.encode() for key in keys]
            results.close()

    run(test())


def test_who_gives_up_harms_no_other(server: Server) -> None:
    async def test() -> None:
        async with waiting_on(server) as waiter:
            one, other = (asyncio.create_task(waiter.wait("a")) for _ in range(2))
            await until(lambda: subscribers(server, "a") == 1)
            one.cancel()
            with pytest.raises(asyncio.CancelledError):
                await one
            write(server, "a", b"done")
            assert await other == b"done"

    run(test())


def test_waits_on_through_a_restart(server: Server) -> None:
    async def test() -> None:
        async with waiting_on(server) as waiter:
            waits = asyncio.create_task(waiter.wait("a"))
            await until(lambda: subscribers(server, "a") == 1)
            server.restart()
            await until(lambda: subscribers(server, "a") == 1)
            write(server, "a", b"done")
            assert await waits == b"done"

    run(test())


def test_a_wrong_password_is_told(server: Server) -> None:
    async def test() -> None:
        waiter = registry.open_waiter(server.url().replace("://", "://nobody:wrong@"))
        with pytest.raises(BrokerRefused, match="invalid username-password pair"):
            await waiter.wait("a")
        await waiter.close()

    run(test())
