"""Taskiq: its list broker, or with BENCH_STREAM its stream broker, which acknowledges."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from functools import cache

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend, RedisStreamBroker

from bench.apps import RESULTS, URL
from bench.marks import mark

broker: ListQueueBroker | RedisStreamBroker
broker = RedisStreamBroker(URL) if os.environ.get("BENCH_STREAM") else ListQueueBroker(URL)
if RESULTS:
    broker = broker.with_result_backend(RedisAsyncResultBackend(URL, result_ex_time=86400))


@broker.task
async def noop(index: int) -> int:
    return mark(index)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(broker.startup())
    return loop


def send(index: int) -> None:
    _loop().run_until_complete(noop.kiq(index))


def send_many(indices: Iterable[int]) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(noop.kiq(index) for index in indices))

    _loop().run_until_complete(all_at_once())


def call(index: int) -> None:
    async def there_and_back() -> None:
        await (await noop.kiq(index)).wait_result(check_interval=0.001, timeout=30)

    _loop().run_until_complete(there_and_back())
