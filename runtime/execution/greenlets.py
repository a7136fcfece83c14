"""`async def` tasks of greenlets: they all run in one event loop, in a thread of the operating system."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

import gevent
from gevent.event import Event
from gevent.lock import RLock
from gevent.monkey import get_original

from pools.interruptible import Interruptible
from runtime.execution.loops import Loop

T = TypeVar("T")


class Bell:
    """Lets other greenlets run until another thread rings."""

    def __init__(self) -> None:
        self._rung = Event()
        self._watcher = gevent.get_hub().loop.async_()
        self._watcher.start(self._rung.set)
        self.ring: Callable[[], None] = self._watcher.send

    def wait(self) -> None:
        self._rung.wait()

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()


class _Beside:
    """The loop and its thread, which never ends. Made when first needed."""

    loop: asyncio.AbstractEventLoop | None = None
    making = RLock()

    @classmethod
    def find(cls) -> asyncio.AbstractEventLoop:
        with cls.making:
            if cls.loop is None:
                bell = Bell()
                get_original("_thread", "start_new_thread")(cls._live, (bell.ring,))
                bell.wait()
                bell.close()
        assert cls.loop is not None
        return cls.loop

    @classmethod
    def _live(cls, made: Callable[[], None]) -> None:
        loop = cls.loop = Loop()
        made()
        while True:
            # asyncio lets these two out, besides giving them to the task that raised them.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                loop.run_forever()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """See `loops.run`."""
    loop, bell, context = _Beside.find(), Bell(), copy_context()
    main = Interruptible(coroutine)
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(main.whole(), context=context))
        tasks[0].add_done_callback(lambda _: bell.ring())

    loop.call_soon_threadsafe(begin)
    while True:
        try:
            bell.wait()
            break
        except BaseException as error:  # noqa: BLE001  (a soft limit: for the coroutine to see)
            loop.call_soon_threadsafe(main.interrupt, error)
    bell.close()
    return tasks[0].result()
