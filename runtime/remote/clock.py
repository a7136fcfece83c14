"""The logical clock of one process (PROTOCOL 12.5): later events have higher values, in whichever process."""

from __future__ import annotations

HIGHEST = 1 << 62
"""A value beyond came from nobody's clock; what it would be raised to must still fit 64 bits."""


class Clock:
    def __init__(self) -> None:
        self.value = 0

    def tick(self) -> int:
        """Something happens here; its value."""
        self.value += 1
        return self.value

    def heed(self, theirs: int) -> None:
        """What happened there at `theirs` is known here now."""
        if theirs < HIGHEST:
            self.value = max(self.value, theirs) + 1
