"""The event loop of an asyncio child."""

from __future__ import annotations

import asyncio
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pools import fineloop


@contextmanager
def _only_high_descriptors() -> Iterator[None]:
    """Those below 1,024 are taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    fillers = [os.open(os.devnull, os.O_RDONLY)]
    while fillers[-1] < 1024:
        fillers.append(os.dup(fillers[0]))
    try:
        yield
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["low", "high"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """With a descriptor that select(2) takes, and with one that it does not."""
    if request.param == "low":
        loop = fineloop.new()
    else:
        with _only_high_descriptors():
            loop = fineloop.new()
    yield loop
    loop.close()


def test_it_sleeps_no_less_than_told(loop: asyncio.AbstractEventLoop) -> None:
    begun = time.monotonic()
    loop.run_until_complete(asyncio.sleep(0.0103))
    assert time.monotonic() - begun >= 0.0103


def test_a_thread_wakes_it_while_it_waits(loop: asyncio.AbstractEventLoop) -> None:
    async def woken() -> None:
        event = asyncio.Event()
        threading.Timer(0.05, lambda: loop.call_soon_threadsafe(event.set)).start()
        await asyncio.wait_for(event.wait(), 30)

    begun = time.monotonic()
    loop.run_until_complete(woken())
    assert time.monotonic() - begun < 30


def test_what_can_be_read_wakes_it_while_it_waits(loop: asyncio.AbstractEventLoop) -> None:
    async def read() -> bytes:
        reader, writer = os.pipe()
        came = asyncio.Event()
        loop.add_reader(reader, came.set)
        threading.Timer(0.05, lambda: os.write(writer, b"x")).start()
        try:
            await asyncio.wait_for(came.wait(), 30)
            return os.read(reader, 1)
        finally:
            loop.remove_reader(reader)
            os.close(reader)
            os.close(writer)

    assert loop.run_until_complete(read()) == b"x"


def test_it_runs_other_programs(loop: asyncio.AbstractEventLoop) -> None:
    async def run() -> int:
        process = await asyncio.create_subprocess_exec("false")
        return await process.wait()

    assert loop.run_until_complete(run()) == 1


def test_a_loop_that_the_user_has_chosen_is_kept() -> None:
    class Chosen(asyncio.SelectorEventLoop):
        pass

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return Chosen()

    asyncio.set_event_loop_policy(Policy())
    try:
        loop = fineloop.new()
    finally:
        asyncio.set_event_loop_policy(None)
    loop.close()
    assert type(loop) is Chosen
