"""What was sent last, across restarts."""

from __future__ import annotations

import sqlite3

from runtime.beat.due import Run, counted_from
from runtime.beat.entries import Entry
from runtime.errors import ImproperlyConfigured

SCHEMA = """
CREATE TABLE IF NOT EXISTS periodic (name TEXT PRIMARY KEY, schedule TEXT NOT NULL, last REAL NOT NULL)
WITHOUT ROWID
"""
"""`last` is in epoch seconds."""
PATIENCE = 5.0
"""Seconds that a predecessor gets to leave the file."""


class Memory:
    """One sqlite file, which nobody else can use meanwhile: two on one file would send everything twice."""

    def __init__(self, path: str, patience: float = PATIENCE) -> None:
        """Raises ImproperlyConfigured for a file that cannot be used."""
        try:
            self._database = sqlite3.connect(path, timeout=patience, isolation_level=None)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute(SCHEMA)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            hint = "; another beat has it" if "locked" in str(error) else ""
            raise ImproperlyConfigured(f"schedule file {path!r} cannot be used: {error}{hint}") from None

    def begin(self, entries: list[Entry], now: float) -> dict[str, Run]:
        """By name. One that is new, or whose schedule has been changed, counts from now on; one that is no
        more is forgotten. Raises sqlite3.Error."""
        known = {
            name: (schedule, last)
            for name, schedule, last in self._database.execute("SELECT * FROM periodic")
        }
        runs = {}
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
