"""SAQ."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from saq import Queue

from bench.apps import RESULTS, URL
from bench.marks import mark
from bench.peers import SLOTS

queue = Queue.from_url(URL, name="bench")
TTL = 86400 if RESULTS else -1
"""-1: a job's end is not kept."""


async def noop(context: Any, *, index: int) -> int:
    return mark(index)


settings = {"queue": queue, "functions": [noop], "concurrency": SLOTS // 2}
"""Of each of two processes."""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(queue.connect())
    return loop


def send(index: int) -> None:
    _loop().run_until_complete(queue.enqueue("noop", index=index, ttl=TTL))


def call(index: int) -> None:
    _loop().run_until_complete(queue.apply("noop", index=index, ttl=TTL, poll_interval=0.001))
