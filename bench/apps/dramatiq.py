"""Dramatiq."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from bench.apps import RESULTS, URL
from bench.marks import mark

broker = RedisBroker(url=URL)
if RESULTS:
    broker.add_middleware(Results(backend=RedisBackend(url=URL), store_results=True))
dramatiq.set_broker(broker)
noop = dramatiq.actor(actor_name="noop")(mark)


def send(index: int) -> None:
    noop.send(index)


def call(index: int) -> None:
    noop.send(index).get_result(block=True, timeout=30_000)
