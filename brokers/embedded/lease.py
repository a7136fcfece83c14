"""A process uses an embedded server from its first `hold` until it ends, however it ends.

The lease is a shared lock on a file: the kernel drops it with the process, after SIGKILL too. The
guardian ends the server only under the exclusive one.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

_held: dict[Path, int] = {}
"""The descriptors that carry the locks. Never closed, on purpose. A forked child shares them, and
counts as a user as long as it lives; a program that it executes does not inherit them."""

_guard = threading.Lock()


def hold(path: Path) -> None:
    """Take the lease, once per process. Blocks for the moment in which the guardian ends the server.

    Raises OSError.
    """
    with _guard:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        held = _held.get(path)
        # Another file: its directory was removed and made again.
        if held is not None and os.path.sameopenfile(held, descriptor):
            os.close(descriptor)
            return
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[path] = descriptor
