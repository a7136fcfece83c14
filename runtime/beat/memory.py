"""What was sent last, across restarts."""

from __future__ import annotations

import fcntl
import sqlite3
import struct
from contextlib import suppress

from runtime.beat.due import Run, counted_from
from runtime.beat.entries import Entry
from runtime.errors import ImproperlyConfigured

SCHEMA = """
CREATE TABLE IF NOT EXISTS periodic (name TEXT PRIMARY KEY, schedule TEXT NOT NULL, last REAL NOT NULL)
WITHOUT ROWID
"""
"""`last` is in epoch seconds."""


class InUse(Exception):
    """Another beat has the file; the message says which, if this machine knows."""


class Memory:
    """One sqlite file, which nobody else can use meanwhile: two on one file would send everything twice."""

    def __init__(self, path: str) -> None:
        """Raises InUse, and ImproperlyConfigured for a file that cannot be used."""
        try:
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute(SCHEMA)
            rows = self._database.execute("SELECT name, schedule, last FROM periodic")
            self._known = {name: (schedule, last) for name, schedule, last in rows}
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._database.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise InUse(f"schedule file {path!r} is used by {_user(path)}") from None
            raise _unusable(path, error) from None

    def begin(self, entries: list[Entry], now: float) -> dict[str, Run]:
        """By name. One that is new, or whose schedule has been changed, counts from now on; one that is no
        more is forgotten. Raises sqlite3.Error."""
        known, runs = dict(self._known), {}
        for entry in entries:
            schedule, last = known.pop(entry.name, ("", now))
            runs[entry.name] = counted_from(entry, last if schedule == entry.schedule else now)
            self.remember(entry, runs[entry.name].last)
        self._database.executemany("DELETE FROM periodic WHERE name = ?", [(name,) for name in known])
        return runs

    def remember(self, entry: Entry, last: float) -> None:
        """On the disk when it returns. Raises sqlite3.Error."""
        self._database.execute(
            "INSERT OR REPLACE INTO periodic VALUES (?, ?, ?)", [entry.name, entry.schedule, last]
        )

    def close(self) -> None:
        self._database.close()


def check(path: str) -> None:
    """Raises ImproperlyConfigured for a file that beat cannot use; that another one has it is no error."""
    with suppress(InUse):
        Memory(path).close()


def _unusable(path: str, error: sqlite3.Error) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"schedule file {path!r} cannot be used: {error}")


def _user(path: str) -> str:
    """Whose lock it is. sqlite locks with fcntl; one that is on another machine has no pid here."""
    flock = "hhqqi"  # struct flock of Linux: type, whence, start, length (0: to the end), pid
    with open(path, "rb") as file:
        found = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(flock, fcntl.F_WRLCK, 0, 0, 0, 0))
    pid = struct.unpack(flock, found)[-1]
    return f"process {pid}" if pid > 0 else "another process"
