"""Runs a user's function in a thread, one message at a time."""

from __future__ import annotations

import os
import queue
import threading
import traceback
from collections.abc import Callable
from typing import NamedTuple

from runtime.bootsteps.queue_step import Message


class Handled(NamedTuple):
    tag: str
    error: BaseException | None
    """What it raised."""
    traceback: str | None


class Handler:
    """The thread ends with the process, whatever it is in. All calls come from one other thread."""

    def __init__(self, name: str, handle: Callable[[Message], object]) -> None:
        self._handle = handle
        self._given: queue.SimpleQueue[tuple[str, Message]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Handled] = queue.SimpleQueue()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable when a message has been handled."""
        return self._bell

    def give(self, tag: str, message: Message) -> None:
        self._given.put((tag, message))

    def handled(self) -> Handled | None:
        """The next one; None: not yet."""
        try:
            os.eventfd_read(self._bell)
            return self._done.get_nowait()
        except (BlockingIOError, queue.Empty):
            return None

    def wait(self, seconds: float) -> Handled | None:
        """Wait so long for the next one."""
        try:
            return self._done.get(timeout=seconds)
        except queue.Empty:
            return None

    def _run(self) -> None:
        while True:
            tag, message = self._given.get()
            error: BaseException | None = None
            text = None
            try:
                self._handle(message)
            except BaseException as raised:  # noqa: BLE001  (the user's code: the message gets an end, whatever it raises)
                error, text = raised, traceback.format_exc()
            self._done.put(Handled(tag, error, text))
            os.eventfd_write(self._bell, 1)
