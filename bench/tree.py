"""What a process and all its descendants use."""

from __future__ import annotations

from pathlib import Path

import psutil


def members(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree, with that of its children that have ended (as far as their
    parents have waited for them, as parents should). Steps of 10 ms."""
    return sum(sum(process.cpu_times()[:4]) for process in members(pid))


def scheduled_seconds(pid: int) -> float:
    """As `cpu_seconds`, to the nanosecond, of the threads that live."""
    total = 0
    for process in members(pid):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def pss(pid: int) -> int:
    """Bytes: each shared page counts once in the whole tree."""
    return sum(_pss(process.pid) for process in members(pid))


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
