"""What a worker remembers across its restarts: which tasks are revoked (`--statedb`)."""

from __future__ import annotations

import logging
import sqlite3
import time
from queue import SimpleQueue
from threading import Thread

from runtime.errors import ImproperlyConfigured

logger = logging.getLogger("runtime.worker")

SCHEMA = """
CREATE TABLE IF NOT EXISTS revoked (stamp TEXT NOT NULL, value TEXT NOT NULL, forgotten REAL NOT NULL,
    PRIMARY KEY (stamp, value)) WITHOUT ROWID
"""
"""`stamp` is empty for a task's id; `forgotten` is in epoch seconds."""
CLOSE_TIMEOUT = 5.0
"""Seconds that a disk gets for what is not written yet."""

Known = dict[tuple[str, str], float]
"""(name of the stamp, or "" for a task's id; value) → epoch seconds at which it is forgotten."""


class StateDB:
    """One sqlite file. A thread writes: a slow disk must not stop the supervisor's loop, which is what
    calls this. What it writes outlives this process, whatever kills it; and the machine, but for the last
    moments. A write that fails is logged, and the worker goes on."""

    def __init__(self, path: str) -> None:
        """Raises ImproperlyConfigured for a file that cannot be used."""
        self._path = path
        try:
            self._database = _open(path)
        except sqlite3.Error as error:
            raise ImproperlyConfigured(f"statedb {path!r} cannot be used: {error}") from None
        self._changes: SimpleQueue[Known | None] = SimpleQueue()
        self._writer = Thread(target=self._write_all, name="statedb", daemon=True)
        self._writer.start()

    def known(self) -> Known:
        """What was remembered, and is not to be forgotten yet, the oldest first. Before `remember`."""
        rows = self._database.execute(
            "SELECT stamp, value, forgotten FROM revoked WHERE forgotten > ? ORDER BY forgotten",
            [time.time()],
        )
        return {(stamp, value): forgotten for stamp, value, forgotten in rows}

    def remember(self, known: Known) -> None:
        """Returns at once."""
        self._changes.put(known)

    def close(self) -> None:
        self._changes.put(None)
        self._writer.join(CLOSE_TIMEOUT)
        if self._writer.is_alive():
            logger.error("statedb %s: not all is written after %g s", self._path, CLOSE_TIMEOUT)

    def _write_all(self) -> None:
        while (known := self._changes.get()) is not None:
            try:
                self._write(known)
            except sqlite3.Error as error:
                logger.error("statedb %s cannot be written: %s", self._path, error)
        self._database.close()

    def _write(self, known: Known) -> None:
        rows = [(stamp, value, forgotten) for (stamp, value), forgotten in known.items()]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO revoked VALUES (?, ?, ?)", rows)
            self._database.execute("DELETE FROM revoked WHERE forgotten <= ?", [time.time()])


def _open(path: str) -> sqlite3.Connection:
    """Used by one thread at a time: this one until the writer has something to do."""
    database = sqlite3.connect(path, timeout=CLOSE_TIMEOUT, check_same_thread=False)
    # The log is synced when it is moved into the file, not at each commit: a kill of the process loses
    # nothing of it.
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(SCHEMA)
    return database
