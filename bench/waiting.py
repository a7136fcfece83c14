"""Waiting for something to become true."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], timeout: float, failure: str, every: float = 0.02) -> None:
    """Ask `every` seconds; after `timeout` seconds raises TimeoutError with the text `failure`."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{failure} within {timeout:g} s")
        time.sleep(every)
