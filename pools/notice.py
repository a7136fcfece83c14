"""What the supervisor has written up for a child, in memory that both see: no system call to read it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from struct import Struct

SIZE = 64 * 1024
"""Bytes; pages that nobody touches take no memory."""

_NUMBER = Struct("<q")
_ADDRESSEE, _OVERDUE = 1, 2
"""Where in the memory, counted in numbers."""
_MOST = SIZE // _NUMBER.size - _OVERDUE - 1
_END = -1


class Notice:
    """The child's width (8 bytes), the job that a signal is meant for or -1, then ids of the jobs past their
    limit (8 bytes each, signed, little-endian) and -1.

    A reader may see half of one list of jobs and half of another: each is past its limit all the
    same, and one that is missed is written up again.

    fd: of a memory file; the caller closes it when it likes.
    """

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, SIZE)

    @property
    def width(self) -> int:
        """How many jobs the child may run at once."""
        return int(_NUMBER.unpack_from(self._memory)[0])

    @width.setter
    def width(self, slots: int) -> None:
        _NUMBER.pack_into(self._memory, 0, slots)

    @property
    def addressee(self) -> int:
        """Id of the job for which the last signal that is not a limit's was meant; -1: there was none."""
        return int(_NUMBER.unpack_from(self._memory, _ADDRESSEE * _NUMBER.size)[0])

    @addressee.setter
    def addressee(self, job: int) -> None:
        _NUMBER.pack_into(self._memory, _ADDRESSEE * _NUMBER.size, job)

    def overdue(self) -> list[int]:
        """Ids of jobs past their soft limit; some may have ended since."""
        jobs: list[int] = []
        for index in range(_OVERDUE, _OVERDUE + _MOST):
            (job,) = _NUMBER.unpack_from(self._memory, index * _NUMBER.size)
            if job == _END:
                break
            jobs.append(job)
        return jobs

    def write_up(self, jobs: Sequence[int]) -> None:
        """In place of those before."""
        for index, job in enumerate([*jobs[:_MOST], _END], _OVERDUE):
            _NUMBER.pack_into(self._memory, index * _NUMBER.size, job)

    def close(self) -> None:
        self._memory.close()


def new_file() -> int:
    """A descriptor of a new memory file for a Notice, of a child of width 1."""
    fd = os.memfd_create("runtime-notice")
    os.truncate(fd, SIZE)
    os.write(fd, _NUMBER.pack(1) + _NUMBER.pack(_END) * 2)
    return fd
