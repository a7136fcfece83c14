"""Event loops for `async def` tasks in children whose pool has none: one for each thread.

A loop is kept from task to task, and with it what tasks leave there, such as connections. What they
have started and not awaited goes on while the next one runs.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from pools.interruptible import Interruptible

T = TypeVar("T")

NAP = 0.25
"""Seconds. A soft limit comes to a thread as an asynchronous exception, which is raised between two
steps of the interpreter: so the loop's wait in C must not be a long one."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns, or raises. An exception that comes from outside meanwhile (a soft limit) is
    raised in the coroutine where it waits."""
    if _has_greenlets():
        from runtime.execution import greenlets

        return greenlets.run(coroutine)
    loop = _loop_here()
    main = Interruptible(coroutine)
    task = loop.create_task(main.whole())
    while True:
        try:
            _turn(loop, task)
            break
        except BaseException as error:  # noqa: BLE001  (the task's own: told below; or a soft limit: for the task to see)
            if task.done():
                break
            main.interrupt(error)
    _close_generators(loop)
    return task.result()


def _turn(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Until the task has ended. Not run_until_complete: it asks for the result, and a Future gives an
    exception with its traceback only once."""
    task.add_done_callback(lambda _: loop.stop())
    while not task.done():
        loop.run_forever()


def _close_generators(loop: asyncio.AbstractEventLoop) -> None:
    """Asynchronous generators that were left behind: when they were found, asyncio has begun to close
    them, and the loop is about to stand still."""
    while closing := [task for task in asyncio.all_tasks(loop) if _closes_generator(task)]:
        _turn(loop, loop.create_task(asyncio.wait(closing)))


def _closes_generator(task: asyncio.Task[Any]) -> bool:
    """Its class has no name but this."""
    return type(task.get_coro()).__name__ == "async_generator_athrow"


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(NAP if timeout is None else min(timeout, NAP))


class _Loop(asyncio.SelectorEventLoop):
    """Ends with its thread; nobody else knows of it."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def __del__(self) -> None:
        self.close()


_here = threading.local()


def _loop_here() -> _Loop:
    """Made on first use: in a child, not in the fork server that imports this."""
    if not hasattr(_here, "loop"):
        _here.loop = _Loop()
    loop: _Loop = _here.loop
    return loop


def _has_greenlets() -> bool:
    """In place of threads: then many share a thread, in which only one loop can run."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))
