"""One job id in memory shared between the supervisor and a child: whom the next SIGUSR1 is for."""

from __future__ import annotations

import mmap
import os
from struct import Struct

_ID = Struct("<q")
NOBODY = -1


class Target:
    """fd: of a memory file; the caller closes it when it likes."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, _ID.size)

    def read(self) -> int:
        """NOBODY before the first `write`."""
        return int(_ID.unpack_from(self._memory)[0])

    def write(self, job: int) -> None:
        _ID.pack_into(self._memory, 0, job)

    def close(self) -> None:
        self._memory.close()


def new_file() -> int:
    """A descriptor of a new memory file for a Target."""
    fd = os.memfd_create("runtime-target")
    os.write(fd, _ID.pack(NOBODY))
    return fd
