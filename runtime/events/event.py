"""One event, as a monitor gets it: plain members, by Celery's names (PROTOCOL 13.2)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from runtime.remote.clock import Clock

Event = dict[str, Any]

OFFSET_KEPT = 10.0
"""Seconds after which the system is asked again how far the local time is from UTC."""


class Origin:
    """Who says something: what all its events have in common."""

    def __init__(self, hostname: str, clock: Clock) -> None:
        """hostname: node name of the worker, or what `client_name` makes."""
        self.hostname = hostname
        self.clock = clock
        self._pid = os.getpid()
        self._utcoffset = 0.0
        self._asked_again_at = 0.0

    def event(self, type: str, timestamp: float, fields: Mapping[str, Any]) -> Event:
        """type: such as `worker-online`. timestamp: epoch seconds. fields: those of the type."""
        if timestamp >= self._asked_again_at:
            self._utcoffset = utcoffset()
            self._asked_again_at = timestamp + OFFSET_KEPT
        return {
            "hostname": self.hostname,
            "utcoffset": self._utcoffset,
            "pid": self._pid,
            "clock": self.clock.tick(),
            **fields,
            "timestamp": timestamp,
            "type": type,
        }


def utcoffset() -> float:
    """Hours west of UTC, at present."""
    return (time.altzone if time.localtime().tm_isdst else time.timezone) / 3600


def client_name() -> str:
    """The hostname in events of a process that is no worker."""
    return f"gen{os.getpid()}@{os.uname().nodename}"
