"""A coroutine that can be given an exception where it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Interruptible(Generic[T]):
    """Awaits a coroutine. `interrupt` has an exception raised in it, at its innermost `await`.

    asyncio can only cancel: CancelledError is what then comes out of the `await`. It is exchanged
    here for the exception that is meant. What the coroutine waits for is cancelled in the same way.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._error: BaseException | None = None

    def interrupt(self, error: BaseException) -> None:
        """In the thread of its loop, not in itself. Does nothing once it has ended."""
        self._error = error
        if self._task is not None:
            self._task.cancel()

    async def whole(self) -> T:
        """To be made the asyncio task that runs it."""
        return await self

    def __await__(self) -> Generator[Any, Any, T]:
        self._task = asyncio.current_task()
        step: Callable[[Any], Any] = self._coroutine.send
        what: Any = None
        if self._error is not None:  # interrupted before it began
            step, what = self._coroutine.throw, self._meant()
        while True:
            try:
                awaited = step(what)
            except StopIteration as end:
                self._task = None
                return end.value  # type: ignore[no-any-return]
            try:
                what = yield awaited
                step = self._coroutine.send
            except asyncio.CancelledError as cancelled:
                step, what = self._coroutine.throw, self._meant() or cancelled
            except GeneratorExit:
                self._coroutine.close()
                raise

    def _meant(self) -> BaseException | None:
        """The exception that was to be raised, if any."""
        error, self._error = self._error, None
        if error is not None and self._task is not None:
            self._task.uncancel()  # or asyncio.timeout and TaskGroup would take it for a cancellation
        return error
