"""What the benchmarked task does beside noting its start: chosen by the environment, for the worker
and the client alike."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from bench.marks import mark

VARIABLE = "BENCH_WORK"
"""The name of one of the functions here; not set: the task is `mark` itself."""
ASYNC = "BENCH_ASYNC"
"""`1`: an `async def` task."""

CPU = 0.001
"""Seconds of processor time."""
NAP = 0.010
"""Seconds."""
WAIT = 1.0
"""Seconds."""
SIZE = 100_000
"""Bytes."""
LONG = 10.0
"""Seconds."""
SELDOM = 480
"""Of so many uneven tasks one is long."""


def is_long(index: int) -> bool:
    """Of uneven tasks."""
    return index % SELDOM == SELDOM - 1


def _compute() -> None:
    end = time.thread_time() + CPU
    while time.thread_time() < end:
        pass


def noop(index: int) -> int:
    return mark(index)


async def noop_async(index: int) -> int:
    return mark(index)


def sleep(index: int) -> int:
    mark(index)
    time.sleep(NAP)
    return index


async def sleep_async(index: int) -> int:
    mark(index)
    await asyncio.sleep(NAP)
    return index


def cpu(index: int) -> int:
    mark(index)
    _compute()
    return index


async def cpu_async(index: int) -> int:
    mark(index)
    _compute()
    return index


def mixed(index: int) -> int:
    mark(index)
    _compute()
    time.sleep(NAP)
    return index


async def mixed_async(index: int) -> int:
    mark(index)
    _compute()
    await asyncio.sleep(NAP)
    return index


def uneven(index: int) -> int:
    mark(index)
    if is_long(index):
        time.sleep(LONG)
    else:
        _compute()
    return index


def large(index: int, payload: str) -> str:
    mark(index)
    return payload


def wait(index: int) -> int:
    mark(index)
    time.sleep(WAIT)
    return index


async def wait_async(index: int) -> int:
    mark(index)
    await asyncio.sleep(WAIT)
    return index


async def large_async(index: int, payload: str) -> str:
    mark(index)
    return payload


def task() -> Callable[..., Any]:
    """The function of the task."""
    name = os.environ.get(VARIABLE)
    if name is None:
        return mark
    function: Callable[..., Any] = globals()[f"{name}_async" if os.environ.get(ASYNC) == "1" else name]
    return function


def arguments() -> tuple[str, ...]:
    """What it takes after its index."""
    return ("x" * SIZE,) if os.environ.get(VARIABLE) == large.__name__ else ()
