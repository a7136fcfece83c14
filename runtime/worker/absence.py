"""The broker's absence: since when it lasts, and for how long it is borne (P7)."""

from __future__ import annotations


class Absence:
    """Times are time.monotonic() seconds."""

    def __init__(self, patience: float) -> None:
        """`patience`: seconds that the broker may be away; inf: for ever."""
        self._patience = patience
        self._since: float | None = None
        self._never_there = True

    def __bool__(self) -> bool:
        """Whether there is no connection."""
        return self._never_there or self._since is not None

    def goes_on(self, now: float) -> bool:
        """The connection was lost, or could not be made again. Whether that can still be borne."""
        self._since = now if self._since is None else self._since
        return now - self._since < self._patience

    def end(self) -> bool:
        """There is a connection. Whether one had been lost."""
        ended, self._since = self._since is not None, None
        self._never_there = False
        return ended
