"""What really happened: a file to which every task appends a line at its start and at its end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

FILE = "HAVOC_LEDGER"
WORKER = "HAVOC_WORKER"
LIFE = "HAVOC_LIFE"


@dataclass(slots=True)
class Execution:
    """One run of one task. Times are time.monotonic(), which all processes share."""

    number: int
    worker: str
    life: int
    """How often that worker had been started."""
    pid: int
    started: float
    ended: float | None = None


def note(event: str, number: int) -> None:
    """Called by a task. One write in append mode: lines of several processes never mix."""
    worker = f"{os.environ[WORKER]} {os.environ[LIFE]}"
    line = f"{event} {number} {worker} {os.getpid()} {time.monotonic():.6f}\n"
    file = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)


class Ledger:
    """Reads the file as it grows."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self.path = path
        self.executions: list[Execution] = []
        """In the order of their starts."""
        self.done: set[int] = set()
        """Numbers of the tasks that have ended at least once."""
        self.lives: set[tuple[str, int]] = set()
        """Of the workers that have begun a task: name, and how often started."""
        self._open: dict[tuple[int, int], Execution] = {}
        self._file = path.open("rb")
        self._rest = b""

    def read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            self._enter(line.decode())

    def close(self) -> None:
        self._file.close()

    def _enter(self, line: str) -> None:
        event, number, worker, life, pid, at = line.split()
        key = int(number), int(pid)
        if event == "start":
            self._open[key] = Execution(int(number), worker, int(life), int(pid), float(at))
            self.executions.append(self._open[key])
            self.lives.add((worker, int(life)))
        else:
            self._open.pop(key).ended = float(at)
            self.done.add(int(number))
