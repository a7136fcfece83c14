"""The signals that end a job in this very process: QUIT, and the second TERM or INT while it runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

POLITE = (signal.SIGTERM, signal.SIGINT)


class Interrupts:
    """A context manager, around one job. Whoever reads signals by `signal.set_wakeup_fd` gets them as well.
    Main thread only. Handlers that the job leaves behind, as a debugger does, go with it."""

    def __init__(self, act: Callable[[], None]) -> None:
        """act: called in the handler."""
        self._act = act
        self._handlers: dict[int, Any] = {}
        self._told = False

    def __enter__(self) -> None:
        self._told = False
        for number in (*POLITE, signal.SIGQUIT):
            self._handlers[number] = signal.signal(number, self._on_signal)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGQUIT or self._told:
            self._act()
        self._told = True
