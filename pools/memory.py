"""Resident memory of a process."""

from __future__ import annotations

import logging
import os

logger = logging.getLogger("pools.memory")

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int) -> int:
    """Kilobytes; 0 when there is no such process. Read from /proc (proc(5), statm), 10 µs: psutil
    would cost the supervisor more to import than it could save."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE // 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0


def warn(most: int | None) -> None:
    """In the fork server, if each child will hold more than that (kilobytes) from the first."""
    size = resident(os.getpid())
    if most is not None and size > most:
        logger.warning(
            "a child holds %d kB before its first job; the bound is %d kB: each does one job", size, most
        )
