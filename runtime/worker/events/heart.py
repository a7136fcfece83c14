"""That this worker lives, said every few seconds (PROTOCOL 13.4)."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence

import runtime
from brokers.interface import Settlement
from pools.interface import Pool
from runtime.events.event import Event, Origin
from runtime.worker.announcer import Announcer
from runtime.worker.events.outbox import Outbox
from runtime.worker.ledger import Ledger

IDENTITY = {"sw_ident": "worker-runtime", "sw_ver": runtime.__version__, "sw_sys": platform.system()}


class Pulse:
    """Composes the events of the worker itself."""

    def __init__(
        self,
        origin: Origin,
        outbox: Outbox,
        announcer: Announcer,
        ledger: Ledger,
        pool: Pool,
        interval: float,
    ) -> None:
        """interval: seconds between two heartbeats."""
        self.interval = interval
        self._announcer = announcer
        self._origin = origin
        self._outbox = outbox
        self._ledger = ledger
        self._pool = pool

    def say(self, type: str) -> None:
        """`worker-online`, `worker-heartbeat` or `worker-offline`."""
        self._outbox.add(self._event(type))
        self._announcer.heartbeat()

    def _event(self, type: str) -> Event:
        fields = {
            "freq": self.interval,
            "active": len(self._pool.running()),
            "processed": sum(self._ledger.totals.values()),
            "loadavg": os.getloadavg(),
            **IDENTITY,
        }
        return self._origin.event(type, time.monotonic(), fields)


class Heart:
    """An attendant."""

    def __init__(self, pulse: Pulse, now: float) -> None:
        self._pulse = pulse
        self._next = now + pulse.interval
        pulse.say("worker-online")

    def fileno(self) -> None:
        return None

    def next_deadline(self) -> float:
        return self._next

    def attend(self, now: float) -> Sequence[Settlement]:
        self._next = now + self._pulse.interval
        self._pulse.say("worker-heartbeat")
        return ()

    def stop(self) -> None:
        """For good."""
        self._pulse.say("worker-offline")
