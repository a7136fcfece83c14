"""Notices a job that keeps a child's event loop from turning."""

from __future__ import annotations

import faulthandler
import logging
from time import monotonic

logger = logging.getLogger("pools.stall")

_STDERR = 2


class StallWatch:
    """Call `turn` from the loop every `interval` seconds while jobs run, and `rest` when none does.

    A timer of faulthandler's, wound up again at each turn: when it is not, it writes the stacks to
    stderr from a thread of its own that needs no interpreter lock, so even a C call that holds it is
    shown while it does so.

    after: seconds without a turn; None: nobody watches.
    """

    def __init__(self, after: float | None) -> None:
        self.interval = None if after is None else after / 2
        self._after = after
        self._due = 0.0

    def turn(self) -> None:
        assert self._after is not None
        self._tell(self._after)
        self._due = monotonic() + self._after
        faulthandler.dump_traceback_later(self._after, file=_STDERR)

    def rest(self) -> None:
        assert self._after is not None
        faulthandler.cancel_dump_traceback_later()
        self._tell(self._after)
        self._due = 0.0

    def _tell(self, after: float) -> None:
        late = monotonic() - self._due
        if self._due and late >= 0:
            logger.warning("a job held up the event loop for %.1f s; its stack is on stderr", late + after)
