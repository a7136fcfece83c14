"""The end of a child that cannot go on."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

EX_SOFTWARE = os.EX_SOFTWARE
"""Exit code (70) of a child whose run function raised instead of returning an outcome."""


def break_down(exitcode: int, pid: int) -> NoReturn:
    """Loudly, and at once: what is left in the interpreter cannot be trusted. From an `except`
    clause. pid: the child's; a process that a task has forked ends in silence."""
    if os.getpid() == pid:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(exitcode)
