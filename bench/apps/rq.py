"""RQ."""

from __future__ import annotations

import time
from collections.abc import Iterable

from redis import Redis
from rq import Queue

from bench.apps import RESULTS, URL
from bench.marks import mark

queue = Queue(connection=Redis.from_url(URL))
TTL = 86400 if RESULTS else 0


def send(index: int) -> None:
    queue.enqueue(mark, index, result_ttl=TTL)


def send_many(indices: Iterable[int]) -> None:
    queue.enqueue_many([Queue.prepare_data(mark, (index,), result_ttl=TTL) for index in indices])


def call(index: int) -> None:
    job = queue.enqueue(mark, index, result_ttl=TTL)
    while job.latest_result() is None:
        time.sleep(0.001)
