"""Sending and awaiting in an event loop, with a real worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime import App, TimeoutError
from tests.support.servers import Server
from tests.support.waiting import wait_until
from tests.support.worker import Worker

APP = "tests.support.async_app"


def test_sends_and_awaits_in_an_event_loop(server: Server, tmp_path: Path, app: App) -> None:
    @app.task(name=f"{APP}.add")
    def add(x: int, y: int) -> None: ...

    @app.task(name=f"{APP}.fail")
    def unknown() -> None: ...

    async def client() -> None:
        assert await (await add.adelay(2, 8)) == 10
        sent = await asyncio.gather(*(add.adelay(n, 1) for n in range(200)))
        assert await asyncio.gather(*sent) == list(range(1, 201))
        assert len(server.client.client_list()) < 50
        assert await (await add.aapply_async((1, 2), countdown=0.1)).aget(timeout=10) == 3
        with pytest.raises(LookupError):
            await (await unknown.adelay())
        assert isinstance(await (await unknown.adelay()).aget(propagate=False), LookupError)
        later = await add.aapply_async((1, 2), countdown=60)
        with pytest.raises(TimeoutError, match=later.id):
            await later.aget(timeout=0.1)

    with Worker(server.url(), tmp_path, app=APP):
        asyncio.run(client())
        asyncio.run(client())  # in another loop
        wait_until(lambda: not [each for each in server.client.client_list() if each["cmd"] == "mget"], 5)


def test_a_coroutine_awaits_what_it_has_sent(server: Server, tmp_path: Path, app: App) -> None:
    """Without blocking the loop that both run in."""
    with Worker(server.url(), tmp_path, app=APP, pool="asyncio", slots=40):
        sent = [app.send_task(f"{APP}.delegate", (n,)) for n in range(20)]
        assert [result.get(timeout=10) for result in sent] == [n + 1 for n in range(20)]
        assert sent[0].children[0].get(timeout=10) == 1
