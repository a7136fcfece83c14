"""`async def` tasks of greenlets: many greenlets share a thread, in which one loop can run, so they share
that too. It turns in a greenlet of its own.

Not in a thread beside them: a connection that a greenlet has made, such as our own client's, can be
used in the thread of its hub only.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

import gevent
from gevent.event import Event

from pools.interruptible import Interruptible

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """gevent's. While it waits others run, and to them no loop must seem to run in this thread: they
    may call `asyncio.run`."""

    def select(self, timeout: float | None = None) -> Any:
        loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return super().select(timeout)
        finally:
            asyncio._set_running_loop(loop)


class _Shared:
    loop: asyncio.AbstractEventLoop | None = None
    """Made when first needed, and never ended."""


def _shared_loop() -> asyncio.AbstractEventLoop:
    if _Shared.loop is None:
        _Shared.loop = asyncio.SelectorEventLoop(_Selector())
        gevent.spawn(_turn, _Shared.loop)
    return _Shared.loop


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        # asyncio lets these two out, besides giving them to the task that raised them.
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """See `loops.run`."""
    loop, ended, context = _shared_loop(), Event(), copy_context()
    main = Interruptible(coroutine)
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(main.whole(), context=context))
        tasks[0].add_done_callback(lambda _: ended.set())

    loop.call_soon_threadsafe(begin)
    while not ended.is_set():
        try:
            ended.wait()
        except BaseException as error:  # noqa: BLE001  (a soft limit: for the coroutine to see)
            loop.call_soon_threadsafe(main.interrupt, error)
    return tasks[0].result()
