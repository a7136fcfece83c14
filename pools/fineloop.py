"""An event loop whose timers are exact to the microsecond."""

from __future__ import annotations

import asyncio
import select
import selectors

_FD_SETSIZE = 1024
"""select(2) takes only descriptors below."""


class _FineSelector(selectors.EpollSelector):
    """epoll waits for whole milliseconds, rounded up: a job that waits for 10 ms loses a twentieth, and
    all that is due within one wakes at once. So select(2) waits, for the epoll descriptor alone."""

    def __init__(self) -> None:
        super().__init__()
        self._is_fine = self.fileno() < _FD_SETSIZE

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._is_fine and timeout is not None and timeout > 0:
            select.select((self,), (), (), timeout)
            timeout = 0
        return super().select(timeout)


def new() -> asyncio.AbstractEventLoop:
    """Another one, if the user's code has chosen which (uvloop)."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop:
        return loop
    loop.close()
    return asyncio.SelectorEventLoop(_FineSelector())
