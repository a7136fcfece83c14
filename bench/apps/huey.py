"""Huey."""

from __future__ import annotations

from huey import RedisHuey

from bench.apps import RESULTS, URL
from bench.marks import mark

huey = RedisHuey("bench", url=URL, results=RESULTS)
noop = huey.task()(mark)


def send(index: int) -> None:
    noop(index)


def call(index: int) -> None:
    noop(index)(blocking=True, timeout=30, backoff=1, max_delay=0.002)
