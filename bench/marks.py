"""The one thing every benchmarked task does: it notes when it started, in a file that all processes
share.

A task has a cell of its own, 8 bytes of CLOCK_MONOTONIC nanoseconds, so nothing is locked, the cost
(a quarter of a microsecond) is the same under every system, and a task that ran twice counts once.
"""

from __future__ import annotations

import mmap
import os
import time
from functools import cache
from pathlib import Path

CELLS = 1 << 18
VARIABLE = "BENCH_MARKS"
"""Tells workers and clients the file's path."""


@cache
def _cells() -> memoryview:
    with open(os.environ[VARIABLE], "r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")


def mark(index: int) -> int:
    """Run by the task; its index."""
    _cells()[index] = time.monotonic_ns()
    return index


def create(path: Path) -> None:
    """A fresh file: no task has started."""
    with path.open("wb") as file:
        file.truncate(8 * CELLS)


class Reader:
    """Over the file at `path`, or the one that the environment names."""

    def __init__(self, path: Path | None = None) -> None:
        with open(path or os.environ[VARIABLE], "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self._cells = memoryview(self._bytes).cast("Q")
        self._first_missing = 0

    def at(self, index: int) -> int:
        """When the task started, in nanoseconds; 0: not yet."""
        return int(self._cells[index])

    def starts(self, count: int) -> list[int]:
        """Of the first `count` tasks, those that have started, in no order."""
        return [start for start in self._cells[:count].tolist() if start]

    def all_started(self, count: int) -> bool:
        """Whether each of the first `count` tasks has. May be asked often: what has been seen is not looked
        at again (to look at 60,000 cells each time took a tenth of a CPU from those who were measured)."""
        while self._first_missing < count and self._cells[self._first_missing]:
            self._first_missing += 1
        return self._first_missing >= count
