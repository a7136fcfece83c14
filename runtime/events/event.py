"""One event, as a monitor gets it: plain members, by Celery's names (PROTOCOL 13.2)."""

from __future__ import annotations

import os
import time
from math import inf
from typing import Any

from runtime.remote.clock import Clock

Event = dict[str, Any]

CLOCKS_KEPT = 1.0
"""Seconds after which the system is asked again what time it is, and how far the local time is from UTC."""


class Origin:
    """Who says something: what all its events have in common. One thread."""

    def __init__(self, hostname: str, clock: Clock) -> None:
        """hostname: node name of the worker, or what `client_name` makes."""
        self.hostname = hostname
        self.clock = clock
        self._pid = os.getpid()
        self._utcoffset = self._epoch = 0.0
        self._asked_again_at = -inf

    def event(self, type: str, at: float, fields: Event) -> Event:
        """type: such as `worker-online`. at: time.monotonic(). fields: those of the type; they are completed
        in place, for a worker makes three events for each of its tasks."""
        if at >= self._asked_again_at:
            self._asked_again_at = at + CLOCKS_KEPT
            self._utcoffset = utcoffset()
            self._epoch = time.time() - time.monotonic()
        fields["hostname"] = self.hostname
        fields["utcoffset"] = self._utcoffset
        fields["pid"] = self._pid
        fields["clock"] = self.clock.tick()
        fields["timestamp"] = at + self._epoch
        fields["type"] = type
        return fields


def utcoffset() -> float:
    """Hours west of UTC, at present."""
    return (time.altzone if time.localtime().tm_isdst else time.timezone) / 3600


def client_name() -> str:
    """The hostname in events of a process that is no worker."""
    return f"gen{os.getpid()}@{os.uname().nodename}"
