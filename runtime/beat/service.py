"""Sends periodic tasks when their time has come: a process of its own."""

from __future__ import annotations

import logging
import select
import signal
import socket
import sqlite3
import time
from typing import TYPE_CHECKING

from runtime import hooks
from runtime.beat.due import Run, due, failed, sent
from runtime.beat.entries import Entry, entries
from runtime.beat.memory import InUse, Memory
from runtime.counted import counted
from runtime.early_signals import unheeded
from runtime.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from runtime.app.app import App

logger = logging.getLogger("runtime.beat")

MAX_INTERVAL = 300.0
"""Seconds, if nothing else is set."""
TAKE_OVER = 1.0
"""Seconds between two looks whether the file is free."""


def run(app: App, path: str, max_interval: float, embedded: bool) -> None:
    """Until TERM or INT. max_interval: seconds after which the clock is looked at again, for it may be set.
    embedded: it is a worker's. Raises ImproperlyConfigured."""
    wanted = {entry.name: entry for entry in entries(app)}
    told = _Told()
    memory = _when_free(path, told)
    if memory is None:
        return
    try:
        runs = memory.begin(list(wanted.values()), time.time())
        hooks.beat_init.send(app)
        if embedded:
            hooks.beat_embedded_init.send(app)
        logger.info("Beat is ready: %s, remembered in %s", counted(len(wanted), "periodic task"), path)
        timeout = 0.0
        while not told.within(timeout):
            ready, wake = due(runs, time.time())
            for name in ready:
                runs[name] = _attempt(wanted[name], runs[name], memory)
            timeout = 0.0 if ready else min(max(0.0, wake - time.time()), max_interval)
    except sqlite3.Error as error:
        raise ImproperlyConfigured(f"schedule file {path!r} cannot be used: {error}") from None
    finally:
        memory.close()
    logger.info("Beat has ended")


def _when_free(path: str, told: _Told) -> Memory | None:
    """Waits while another beat has the file; None: told to end. Raises ImproperlyConfigured."""
    waiting = False
    while True:
        try:
            return Memory(path)
        except InUse as error:
            if not waiting:
                logger.warning("Beat sends nothing: %s; it waits until that one ends", error)
            waiting = True
        if told.within(TAKE_OVER):
            return None


def _attempt(entry: Entry, run: Run, memory: Memory) -> Run:
    """Sent first, and then remembered: if the process is killed between, it is sent once more, and not
    lost."""
    try:
        entry.signature.apply_async()
    except Exception as error:  # noqa: BLE001  (of the broker, a serializer, users' hooks: no harm to the others)
        logger.error("Periodic task %s could not be sent, and is tried again: %r", entry.name, error)
        return failed(run, time.time())
    logger.info("Periodic task %s is sent: %s", entry.name, entry.signature.task)
    after = sent(entry, run, time.time())
    try:
        memory.remember(entry, after.last)
    except sqlite3.Error as error:
        logger.error("Periodic task %s: that it was sent cannot be remembered: %s", entry.name, error)
    return after


class _Told:
    """TERM and INT as data. Main thread only."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: None)
        self._writer.send(unheeded())

    def within(self, seconds: float) -> bool:
        """Whether one has come, now or by then."""
        return bool(select.select([self._reader], [], [], seconds)[0])
