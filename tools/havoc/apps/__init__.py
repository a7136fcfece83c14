"""The task of the load, for each system whose workers can be driven. All are told by the environment."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from tools.havoc import ledger

URL = os.environ.get("HAVOC_URL", "redis://127.0.0.1:1")
LEASE = float(os.environ.get("HAVOC_LEASE", "8"))
TRANSPORT: dict[str, Any] = {"client_name": os.environ.get("HAVOC_CLIENT", "havoc")}
"""Transport options."""
if "HAVOC_VISIBILITY" in os.environ:
    # Celery looks for abandoned messages every 10 x 10 s, unless told to hurry.
    TRANSPORT |= {
        "visibility_timeout": int(os.environ["HAVOC_VISIBILITY"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        # A Celery worker that is killed while it looks keeps all others from looking for so long.
        "unacked_mutex_expire": 5,
    }
TASK = "havoc.work"
ASYNC_TASK = "havoc.async_work"


def work(number: int, seconds: float) -> None:
    ledger.note("start", number)
    time.sleep(seconds)
    ledger.note("end", number)


async def async_work(number: int, seconds: float) -> None:
    ledger.note("start", number)
    await asyncio.sleep(seconds)
    ledger.note("end", number)
