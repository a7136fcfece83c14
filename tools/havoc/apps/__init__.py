"""The task of the load, for each system whose workers can be driven. All are told by the environment."""

from __future__ import annotations

import asyncio
import os
import time

from tools.havoc import ledger

URL = os.environ.get("HAVOC_URL", "redis://127.0.0.1:1")
LEASE = float(os.environ.get("HAVOC_LEASE", "8"))
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
